import django.core.validators
from django.db import migrations, models

# As in 0001, but for near misses: who becomes known later was not near when they were found, and is in none of them.
WHOEVER = "WHERE e.retailer_id = shop AND e.state = 'running' AND (e.ends_at IS NULL OR e.ends_at > told)"
REGISTERED = """
CREATE OR REPLACE FUNCTION experiments_assign_registered() RETURNS trigger LANGUAGE plpgsql AS $$
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
            {whose}
            ORDER BY array_position(ARRAY['global', 'campaign', 'variant'], e.layer::text), e.created_at, e.id
        LOOP
            PERFORM experiments_assign(running, known, told);
        END LOOP;
    END LOOP;
    RETURN NULL;
END
$$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('experiments', '0001_squashed'),
    ]

    operations = [
        migrations.AddField(
            model_name='experiment',
            name='tier_key',
            field=models.UUIDField(blank=True, help_text='Its identity: to which a part of the near misses is raised.', null=True, verbose_name='tier'),
        ),
        migrations.AddField(
            model_name='experiment',
            name='missing_percent',
            field=models.PositiveSmallIntegerField(blank=True, help_text='Of what the tier asks for, how much a near miss lacks at most.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(50)], verbose_name='may lack in percent'),
        ),
        migrations.AlterField(
            model_name='experiment',
            name='form',
            field=models.CharField(choices=[('not_invited', 'not invited'), ('no_benefits', 'member without benefits'), ('variants', 'variants of parts of a version'), ('near_miss', 'near misses raised to a tier')], max_length=12, verbose_name='form'),
        ),
        migrations.RemoveConstraint(
            model_name='experiment',
            name='experiment_has_the_form_of_its_layer',
        ),
        migrations.AddConstraint(
            model_name='experiment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('form__in', ['variants', 'near_miss']), ('layer', 'variant')), models.Q(models.Q(('layer', 'variant'), _negated=True), models.Q(('form__in', ['variants', 'near_miss']), _negated=True)), _connector='OR'), name='experiment_has_the_form_of_its_layer'),
        ),
        migrations.AddConstraint(
            model_name='experiment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('form', 'near_miss'), ('missing_percent__range', (1, 50)), ('tier_key__isnull', False)), models.Q(models.Q(('form', 'near_miss'), _negated=True), ('missing_percent__isnull', True), ('tier_key__isnull', True)), _connector='OR'), name='near_miss_names_its_tier'),
        ),
        migrations.RunSQL(
            REGISTERED.format(whose=f"{WHOEVER} AND e.form <> 'near_miss'"), REGISTERED.format(whose=WHOEVER)
        ),
    ]
