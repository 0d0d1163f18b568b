export interface LearningContentCounts {
  areas: number;
  attachments: number;
  competences: number;
  tubes: number;
  skills: number;
  challenges: number;
  courses: number;
  tutorials: number;
}

/** Items of each kind; `size` 1 is a small but whole referential, 10 about a real one. */
export function learningContentCounts(size: number): LearningContentCounts {
  const counts: LearningContentCounts = {
    areas: 5,
    attachments: 120,
    competences: 16,
    tubes: 80,
    skills: 300,
    challenges: 900,
    courses: 12,
    tutorials: 250,
  };
  const scaled = Object.entries(counts).map(([kind, count]) => [kind, Math.max(1, Math.round(count * size))]);
  return Object.fromEntries(scaled) as LearningContentCounts;
}
