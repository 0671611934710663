import customers.core.ids
import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from customers.core.tenancy import own_rows_only
from customers.core.migrating import Together

TABLES = (
    "assignment",
    "experiment",
    "experimentevent",
    "variant",
)
# The same as `loyalty.experiments.rules.bucket`.
BUCKET = """
CREATE FUNCTION experiment_bucket(salt text, key text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (('x' || left(encode(sha256(convert_to(salt || ':' || key, 'UTF8')), 'hex'), 15))::bit(60)::bigint % 10000)::integer
$$;
"""
# Assigns customers who are not assigned yet, and returns how many. Who is held out globally is outside all other
# experiments of the program, who a hold-out holds out is outside the variants within it.
ASSIGN = """
CREATE FUNCTION experiments_assign(asked uuid, customers uuid[], told timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    e experiments_experiment%ROWTYPE;
    held_out bigint[];
    written bigint;
BEGIN
    SELECT * INTO STRICT e FROM experiments_experiment WHERE id = asked;
    held_out := ARRAY(
        SELECT v.id FROM experiments_variant v JOIN experiments_experiment x ON x.id = v.experiment_id
        WHERE v.is_control AND (x.id = e.within_id OR (
            e.layer <> 'global' AND x.layer = 'global' AND x.retailer_id = e.retailer_id AND x.state = 'running'
            AND (x.ends_at IS NULL OR x.ends_at > told) AND (x.program_id IS NULL OR x.program_id = e.program_id)))
    );
    INSERT INTO experiments_assignment
        (experiment_id, retailer_id, customer_id, variant_id, bucket, unit_key, assigned_at, exposed_at)
    SELECT e.id, e.retailer_id, k.customer_id, v.id, k.bucket, k.unit_key, told, greatest(told, e.starts_at)
    FROM (
        SELECT c.id AS customer_id, u.unit_key, experiment_bucket(e.salt, u.unit_key) AS bucket
        FROM customers_customer c
        LEFT JOIN LATERAL (
            SELECT h.household_id FROM memberships_membership m
            JOIN memberships_householdmember h ON h.membership_id = m.id
            WHERE e.unit = 'household' AND m.customer_id = c.id AND (e.program_id IS NULL OR m.program_id = e.program_id)
            ORDER BY h.household_id LIMIT 1
        ) h ON true
        CROSS JOIN LATERAL (SELECT coalesce(h.household_id, c.id)::text AS unit_key) u
        WHERE c.id = ANY(customers) AND c.retailer_id = e.retailer_id
            AND c.merged_into_id IS NULL AND c.erased_at IS NULL
            AND NOT EXISTS (
                SELECT 1 FROM experiments_assignment a WHERE a.customer_id = c.id AND a.variant_id = ANY(held_out)
            )
    ) k
    JOIN (
        SELECT id, sum(share_bp) OVER (ORDER BY position) - share_bp AS low, sum(share_bp) OVER (ORDER BY position) AS high
        FROM experiments_variant WHERE experiment_id = e.id
    ) v ON k.bucket >= v.low AND k.bucket < v.high
    ON CONFLICT (experiment_id, customer_id) DO NOTHING;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END
$$;
"""
# Whoever becomes known is assigned in the statement that makes it known, by whatever way it comes: before anybody can have
# invited it. A start waits for those that are being registered, and they wait for it: nobody falls between.
REGISTERED = """
CREATE FUNCTION experiments_assign_registered() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    shop bigint;
    told timestamptz;
    known uuid[];
    running uuid;
BEGIN
    FOR shop, told, known IN
        SELECT r.retailer_id, max(r.recorded_at), array_agg(r.id ORDER BY r.id) FROM registered r GROUP BY r.retailer_id
    LOOP
        PERFORM pg_advisory_xact_lock_shared(hashtext('experiments.starting'), shop::integer);
        FOR running IN
            SELECT e.id FROM experiments_experiment e
            WHERE e.retailer_id = shop AND e.state = 'running' AND (e.ends_at IS NULL OR e.ends_at > told)
            ORDER BY array_position(ARRAY['global', 'campaign', 'variant'], e.layer::text), e.created_at, e.id
        LOOP
            PERFORM experiments_assign(running, known, told);
        END LOOP;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER registered_customers_are_assigned AFTER INSERT ON customers_customer
REFERENCING NEW TABLE AS registered FOR EACH STATEMENT EXECUTE FUNCTION experiments_assign_registered();
"""
NOT_REGISTERED = """
DROP TRIGGER registered_customers_are_assigned ON customers_customer;
DROP FUNCTION experiments_assign_registered();
"""
OF_ITS_EXPERIMENT = """
ALTER TABLE experiments_variant ADD CONSTRAINT variant_of_its_experiment UNIQUE (id, experiment_id);
ALTER TABLE experiments_assignment ADD CONSTRAINT assignment_of_a_variant_of_its_experiment
FOREIGN KEY (variant_id, experiment_id) REFERENCES experiments_variant (id, experiment_id) DEFERRABLE INITIALLY DEFERRED;
"""
NOT_OF_ITS_EXPERIMENT = """
ALTER TABLE experiments_assignment DROP CONSTRAINT assignment_of_a_variant_of_its_experiment;
ALTER TABLE experiments_variant DROP CONSTRAINT variant_of_its_experiment;
"""


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("experiments", "0001_initial")]

    dependencies = [
        ("customers", "0001_squashed"),
        ("memberships", "0001_squashed"),
        ("programs", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='Experiment',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('code', models.SlugField(help_text='By which parts of a version name it.', verbose_name='code')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('layer', models.CharField(choices=[('global', 'hold-out of everything'), ('campaign', 'hold-out of one thing'), ('variant', 'variants')], max_length=10, verbose_name='layer')),
                ('salt', models.CharField(help_text='Decides who is in which part: a new one each time.', max_length=100, verbose_name='salt')),
                ('unit', models.CharField(choices=[('customer', 'customer'), ('household', 'household')], default='customer', max_length=10, verbose_name='unit')),
                ('form', models.CharField(choices=[('not_invited', 'not invited'), ('no_benefits', 'member without benefits'), ('variants', 'variants of parts of a version')], max_length=12, verbose_name='form')),
                ('metric', models.CharField(choices=[('margin', 'margin'), ('revenue', 'revenue')], default='margin', max_length=10, verbose_name='metric')),
                ('window_days', models.PositiveSmallIntegerField(default=56, help_text='For so long after the exposure the metric is added up.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(730)], verbose_name='window in days')),
                ('duration_days', models.PositiveSmallIntegerField(blank=True, help_text='After which it ends by itself; empty for as long as nobody ends it.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(3660)], verbose_name='duration in days')),
                ('detectable', models.JSONField(blank=True, default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder, verbose_name='detectable effect')),
                ('plan', models.JSONField(default=dict, editable=False, verbose_name='frozen plan')),
                ('plan_hash', models.CharField(blank=True, editable=False, max_length=64, verbose_name="plan's digest")),
                ('planned_at', models.DateTimeField(editable=False, null=True, verbose_name='planned')),
                ('state', models.CharField(choices=[('draft', 'draft'), ('running', 'running'), ('ended', 'ended')], default='draft', editable=False, max_length=8, verbose_name='state')),
                ('starts_at', models.DateTimeField(editable=False, null=True, verbose_name='starts')),
                ('ends_at', models.DateTimeField(editable=False, null=True, verbose_name='ends by itself')),
                ('ended_at', models.DateTimeField(editable=False, null=True, verbose_name='ended')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('program', models.ForeignKey(blank=True, help_text='Empty for a hold-out of all programs.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='experiments', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='experiments', to='customers.retailer', verbose_name='retailer')),
                ('within', models.ForeignKey(blank=True, help_text='The hold-out of the same thing: who it holds out gets no variant.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='variants_within', to='experiments.experiment', verbose_name='within')),
            ],
            options={
                'verbose_name': 'experiment',
                'verbose_name_plural': 'experiments',
                'indexes': [
                    models.Index(condition=models.Q(('state', 'running')), fields=['retailer'], name='experiment_running'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'code'), name='experiment_once_per_code'),
                    models.UniqueConstraint(fields=('retailer', 'salt'), name='experiment_once_per_salt'),
                    models.CheckConstraint(condition=models.Q(('salt', ''), _negated=True), name='experiment_has_a_salt'),
                    models.CheckConstraint(condition=models.Q(('layer', 'global'), ('program__isnull', False), _connector='OR'), name='experiment_has_a_program'),
                    models.CheckConstraint(condition=models.Q(models.Q(('form', 'variants'), ('layer', 'variant')), models.Q(models.Q(('layer', 'variant'), _negated=True), models.Q(('form', 'variants'), _negated=True)), _connector='OR'), name='experiment_has_the_form_of_its_layer'),
                    models.CheckConstraint(condition=models.Q(('within__isnull', True), ('layer', 'variant'), _connector='OR'), name='experiment_within_has_variants'),
                    models.CheckConstraint(condition=models.Q(('window_days__gte', 1)), name='experiment_window_has_a_day'),
                    models.CheckConstraint(condition=models.Q(models.Q(('plan_hash', ''), ('planned_at__isnull', True)), models.Q(models.Q(('plan_hash', ''), _negated=True), ('planned_at__isnull', False)), _connector='OR'), name='experiment_plan_has_an_instant'),
                    models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('starts_at__isnull', True), ('state', 'draft')), models.Q(('ended_at__isnull', True), ('starts_at__isnull', False), ('state', 'running')), models.Q(('ended_at__isnull', False), ('starts_at__isnull', False), ('state', 'ended')), _connector='OR'), name='experiment_state_has_its_instants'),
                    models.CheckConstraint(condition=models.Q(('state', 'draft'), models.Q(('plan_hash', ''), _negated=True), _connector='OR'), name='experiment_starts_with_a_plan'),
                    models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), ('ends_at__gt', models.F('starts_at')), _connector='OR'), name='experiment_ends_after_it_starts'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ExperimentEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('action', models.CharField(choices=[('created', 'created'), ('changed', 'changed'), ('planned', 'planned'), ('started', 'started'), ('ended', 'ended')], max_length=8, verbose_name='action')),
                ('author', models.CharField(blank=True, max_length=150, verbose_name='by')),
                ('said', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder, verbose_name='what')),
                ('occurred_at', models.DateTimeField(verbose_name='when')),
                ('experiment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='experiments.experiment', verbose_name='experiment')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'event of an experiment',
                'verbose_name_plural': 'events of experiments',
            },
        ),
        migrations.CreateModel(
            name='Variant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(help_text='By which parts of a version name it.', verbose_name='code')),
                ('name', models.CharField(blank=True, max_length=200, verbose_name='name')),
                ('share_bp', models.PositiveSmallIntegerField(help_text='Of 10,000; all together are 10,000.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10000)], verbose_name='share of the customers')),
                ('is_control', models.BooleanField(default=False, help_text='In a hold-out, those who are held out; one of them is it.', verbose_name='control')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('experiment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='variants', to='experiments.experiment', verbose_name='experiment')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'variant',
                'verbose_name_plural': 'variants',
                'constraints': [
                    models.UniqueConstraint(fields=('experiment', 'code'), name='variant_once_per_code'),
                    models.UniqueConstraint(fields=('experiment', 'position'), name='variant_once_per_position'),
                    models.CheckConstraint(condition=models.Q(('share_bp__gte', 1), ('share_bp__lte', 10000)), name='variant_has_a_share'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Assignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('bucket', models.PositiveSmallIntegerField(verbose_name='bucket')),
                ('unit_key', models.CharField(help_text='The id of the customer, or of the household that it was in.', max_length=64, verbose_name='key')),
                ('assigned_at', models.DateTimeField(verbose_name='assigned')),
                ('exposed_at', models.DateTimeField(help_text='When treating begins, or would begin: the metric is added up from then on.', verbose_name='exposed')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='assignments', to='customers.customer', verbose_name='customer')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('experiment', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='assignments', to='experiments.experiment', verbose_name='experiment')),
                ('variant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='assignments', to='experiments.variant', verbose_name='variant')),
            ],
            options={
                'verbose_name': 'assignment',
                'verbose_name_plural': 'assignments',
                'constraints': [
                    models.UniqueConstraint(fields=('experiment', 'customer'), name='assignment_once_per_experiment'),
                    models.CheckConstraint(condition=models.Q(('bucket__lt', 10000)), name='assignment_in_a_bucket'),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='experiment',
            trigger=pgtrigger.compiler.Trigger(name='started_experiments_are_frozen', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF OLD.state = 'draft' AND NEW.state = 'running' AND (\n    SELECT coalesce(sum(v.share_bp), 0) <> 10000 OR count(*) FILTER (WHERE v.is_control) <> 1\n    FROM experiments_variant v WHERE v.experiment_id = NEW.id) THEN\n    RAISE EXCEPTION 'pgtrigger: An experiment starts with one control, and with shares of 10000 in % table', TG_TABLE_NAME;\nEND IF;\nIF OLD.state = 'draft' OR (\n    OLD.state = 'running' AND NEW.state = 'ended'\n    AND to_jsonb(NEW) - '{state,ended_at}'::text[] = to_jsonb(OLD) - '{state,ended_at}'::text[]) THEN\n    RETURN NEW;\nEND IF;\nRAISE EXCEPTION 'pgtrigger: Cannot change what an experiment that has started rests on in % table', TG_TABLE_NAME;\n", hash='dff4aee058c551ed0c0e3f1eb71da0fdc588d97f', operation='UPDATE', pgid='pgtrigger_started_experiments_are_frozen_f801a', table='experiments_experiment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='experiment',
            trigger=pgtrigger.compiler.Trigger(name='started_experiments_stay', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."state" IN (\'running\', \'ended\'))', func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='796bc19902e3f38e8f4af15ca9bc92cb5af5537d', operation='DELETE', pgid='pgtrigger_started_experiments_stay_fbd96', table='experiments_experiment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='experimentevent',
            trigger=pgtrigger.compiler.Trigger(name='experiment_events_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='14748eda59563ab2ff6d88fb7c906aab462b2480', operation='UPDATE OR DELETE', pgid='pgtrigger_experiment_events_are_append_only_d3b38', table='experiments_experimentevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='experimentevent',
            trigger=pgtrigger.compiler.Trigger(name='experiment_events_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='7cf4d55c14be83aab85e28c5910003982d692e59', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_experiment_events_never_truncated_76b5f', table='experiments_experimentevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='variant',
            trigger=pgtrigger.compiler.Trigger(name='variants_never_change_after_start', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT 1 FROM experiments_experiment e\n    WHERE (e.state <> 'draft' OR EXISTS (SELECT 1 FROM experiments_assignment a WHERE a.experiment_id = e.id)) AND e.id IN (\n        CASE WHEN TG_OP <> 'INSERT' THEN OLD.experiment_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.experiment_id END)\n) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change shares after the first assignment in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='d6a5a70de8d446cd5bb2161b5522c3491caee376', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_variants_never_change_after_start_7922e', table='experiments_variant', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='assignment',
            trigger=pgtrigger.compiler.Trigger(name='assignments_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='6d1988bec1ba100ace02d1ba777346126d2e2fed', operation='UPDATE OR DELETE', pgid='pgtrigger_assignments_are_append_only_f2c25', table='experiments_assignment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='assignment',
            trigger=pgtrigger.compiler.Trigger(name='assignments_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='78ccbf402e0376e8d8807982e24c4ed7abd81b0f', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_assignments_never_truncated_1bf14', table='experiments_assignment', when='BEFORE')),
        ),
        ]),
        *(own_rows_only(f"experiments_{table}") for table in TABLES),
        migrations.RunSQL(OF_ITS_EXPERIMENT, NOT_OF_ITS_EXPERIMENT),
        migrations.RunSQL(BUCKET, "DROP FUNCTION experiment_bucket(text, text);"),
        migrations.RunSQL(ASSIGN, "DROP FUNCTION experiments_assign(uuid, uuid[], timestamptz);"),
        migrations.RunSQL(REGISTERED, NOT_REGISTERED),
    ]
