-- The sequences stand where the application would have left them.

SELECT setval(pg_get_serial_sequence('public.users', 'id'), max(id)) FROM public.users;
SELECT setval(pg_get_serial_sequence('public.organizations', 'id'), max(id)) FROM public.organizations;
SELECT setval(pg_get_serial_sequence('public."organization-learners"', 'id'), max(id)) FROM public."organization-learners";
SELECT setval(pg_get_serial_sequence('public.campaigns', 'id'), max(id)) FROM public.campaigns;
SELECT setval(pg_get_serial_sequence('public."campaign-participations"', 'id'), max(id)) FROM public."campaign-participations";
SELECT setval(pg_get_serial_sequence('public."certification-courses"', 'id'), max(id)) FROM public."certification-courses";
SELECT setval(pg_get_serial_sequence('public.assessments', 'id'), max(id)) FROM public.assessments;
SELECT setval(pg_get_serial_sequence('public.answers', 'id'), max(id)) FROM public.answers;
SELECT setval(pg_get_serial_sequence('public."knowledge-elements"', 'id'), max(id)) FROM public."knowledge-elements";
SELECT setval(pg_get_serial_sequence('public."knowledge-element-snapshots"', 'id'), max(id)) FROM public."knowledge-element-snapshots";
SELECT setval(pg_get_serial_sequence('public."element-answers"', 'id'), max(id)) FROM public."element-answers";
SELECT setval(pg_get_serial_sequence('public."badge-acquisitions"', 'id'), max(id)) FROM public."badge-acquisitions";
