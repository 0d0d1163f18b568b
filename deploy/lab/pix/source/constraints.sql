-- Keys, checks and indexes of every kind, then the foreign keys with the names that the set-up of the incremental copy drops.

ALTER TABLE public.users ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE public.organizations ADD CONSTRAINT organizations_pkey PRIMARY KEY (id);
ALTER TABLE public."organization-learners" ADD CONSTRAINT "organization-learners_pkey" PRIMARY KEY (id);
ALTER TABLE public.campaigns ADD CONSTRAINT campaigns_pkey PRIMARY KEY (id);
ALTER TABLE public."campaign-participations" ADD CONSTRAINT "campaign-participations_pkey" PRIMARY KEY (id);
ALTER TABLE public."certification-courses" ADD CONSTRAINT "certification-courses_pkey" PRIMARY KEY (id);
ALTER TABLE public.assessments ADD CONSTRAINT assessments_pkey PRIMARY KEY (id);
ALTER TABLE public.answers ADD CONSTRAINT answers_pkey PRIMARY KEY (id);
ALTER TABLE public."knowledge-elements" ADD CONSTRAINT "knowledge-elements_pkey" PRIMARY KEY (id);
ALTER TABLE public."knowledge-element-snapshots" ADD CONSTRAINT "knowledge-element-snapshots_pkey" PRIMARY KEY (id);
ALTER TABLE public."element-answers" ADD CONSTRAINT "element-answers_pkey" PRIMARY KEY (id);
ALTER TABLE public."badge-acquisitions" ADD CONSTRAINT "badge-acquisitions_pkey" PRIMARY KEY (id);
ALTER TABLE public.badge_acquisitions ADD CONSTRAINT badge_acquisitions_pkey PRIMARY KEY (badge_key);
ALTER TABLE public._migrations ADD CONSTRAINT _migrations_pkey PRIMARY KEY (id);
ALTER TABLE public."activity-logs" ADD CONSTRAINT "activity-logs_pkey" PRIMARY KEY (id, "occurredAt");

ALTER TABLE public.campaigns ADD CONSTRAINT campaigns_code_unique UNIQUE (code);
ALTER TABLE public."certification-courses" ADD CONSTRAINT "certification-courses_verificationcode_unique" UNIQUE ("verificationCode");
ALTER TABLE public."certification-courses" ADD CONSTRAINT "certification-courses_number_unique" UNIQUE ("verificationNumber") DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE public.users ADD CONSTRAINT "users_identifiable_check" CHECK ("isAnonymous" OR email IS NOT NULL OR username IS NOT NULL);
ALTER TABLE public."campaign-participations" ADD CONSTRAINT "campaign-participations_shared_check" CHECK (status <> 'SHARED' OR "sharedAt" IS NOT NULL);
ALTER TABLE public.assessments ADD CONSTRAINT assessments_state_check CHECK (state IN ('started', 'completed', 'aborted'));

CREATE UNIQUE INDEX users_email_lower ON public.users (lower(email::text));
CREATE UNIQUE INDEX users_username_unique ON public.users (username) WHERE username IS NOT NULL;
CREATE INDEX "users_settings_index" ON public.users USING gin (settings jsonb_path_ops);
CREATE INDEX organizations_tags_index ON public.organizations USING gin (tags);
CREATE INDEX "organization-learners_active_index" ON public."organization-learners" ("organizationId", "lastName") WHERE "deletedAt" IS NULL;
CREATE INDEX "organization-learners_userId_index" ON public."organization-learners" ("userId");
CREATE INDEX "campaign-participations_campaignId_index" ON public."campaign-participations" ("campaignId") INCLUDE (status, "sharedAt");
CREATE INDEX assessments_userid_index ON public.assessments ("userId");
CREATE INDEX "assessments_lastQuestionDate_idx" ON public.assessments USING brin ("lastQuestionDate");
CREATE INDEX answers_assessmentid_index ON public.answers ("assessmentId");
CREATE INDEX knowledge_elements_userid_index ON public."knowledge-elements" ("userId");
CREATE INDEX "knowledge-elements_assessmentId_idx" ON public."knowledge-elements" ("assessmentId" DESC NULLS LAST);
CREATE UNIQUE INDEX "knowledge-element-snapshots_user_moment" ON public."knowledge-element-snapshots" ("userId", "snappedAt");
CREATE INDEX "activity-logs_day_index" ON public."activity-logs" ((("occurredAt" AT TIME ZONE 'Europe/Paris')::date));

ALTER TABLE public.organizations ADD CONSTRAINT organizations_parent_foreign FOREIGN KEY ("parentOrganizationId") REFERENCES public.organizations (id);
ALTER TABLE public."organization-learners" ADD CONSTRAINT "organization-learners_userid_foreign" FOREIGN KEY ("userId") REFERENCES public.users (id);
ALTER TABLE public."organization-learners" ADD CONSTRAINT "organization-learners_organizationid_foreign" FOREIGN KEY ("organizationId") REFERENCES public.organizations (id);
ALTER TABLE public.campaigns ADD CONSTRAINT campaigns_organizationid_foreign FOREIGN KEY ("organizationId") REFERENCES public.organizations (id);
ALTER TABLE public.campaigns ADD CONSTRAINT campaigns_creatorid_foreign FOREIGN KEY ("creatorId") REFERENCES public.users (id);
ALTER TABLE public."campaign-participations" ADD CONSTRAINT "campaign-participations_campaignid_foreign" FOREIGN KEY ("campaignId") REFERENCES public.campaigns (id);
ALTER TABLE public."campaign-participations" ADD CONSTRAINT "campaign-participations_userid_foreign" FOREIGN KEY ("userId") REFERENCES public.users (id);
ALTER TABLE public."campaign-participations" ADD CONSTRAINT "campaign-participations_learnerid_foreign" FOREIGN KEY ("organizationLearnerId") REFERENCES public."organization-learners" (id);
ALTER TABLE public."certification-courses" ADD CONSTRAINT "certification-courses_userid_foreign" FOREIGN KEY ("userId") REFERENCES public.users (id);
ALTER TABLE public.assessments ADD CONSTRAINT assessments_userid_foreign FOREIGN KEY ("userId") REFERENCES public.users (id);
ALTER TABLE public.assessments ADD CONSTRAINT assessments_participationid_foreign FOREIGN KEY ("campaignParticipationId") REFERENCES public."campaign-participations" (id);
ALTER TABLE public.assessments ADD CONSTRAINT assessments_certificationcourseid_foreign FOREIGN KEY ("certificationCourseId") REFERENCES public."certification-courses" (id);
ALTER TABLE public.answers ADD CONSTRAINT answers_assessmentid_foreign FOREIGN KEY ("assessmentId") REFERENCES public.assessments (id);
ALTER TABLE public."knowledge-elements" ADD CONSTRAINT knowledge_elements_answerid_foreign FOREIGN KEY ("answerId") REFERENCES public.answers (id);
ALTER TABLE public."knowledge-elements" ADD CONSTRAINT knowledge_elements_assessmentid_foreign FOREIGN KEY ("assessmentId") REFERENCES public.assessments (id);
ALTER TABLE public."knowledge-elements" ADD CONSTRAINT knowledge_elements_userid_foreign FOREIGN KEY ("userId") REFERENCES public.users (id);
ALTER TABLE public."knowledge-element-snapshots" ADD CONSTRAINT "knowledge-element-snapshots_userid_foreign" FOREIGN KEY ("userId") REFERENCES public.users (id);
ALTER TABLE public."element-answers" ADD CONSTRAINT "element-answers_userid_foreign" FOREIGN KEY ("userId") REFERENCES public.users (id) ON DELETE SET NULL;
ALTER TABLE public."badge-acquisitions" ADD CONSTRAINT "badge-acquisitions_userid_foreign" FOREIGN KEY ("userId") REFERENCES public.users (id) ON DELETE CASCADE DEFERRABLE;
ALTER TABLE public."activity-logs" ADD CONSTRAINT "activity-logs_userid_foreign" FOREIGN KEY ("userId") REFERENCES public.users (id);

COMMENT ON CONSTRAINT users_identifiable_check ON public.users IS 'Somebody must be able to log in';
COMMENT ON INDEX public.users_email_lower IS 'Case does not matter';
