from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models

NAMED = [
    ('entry', 'goal_counts_after_exposure', models.Q(('reached_goal_at__isnull', True), ('reached_goal_at__gte', models.F('exposure_at')), _connector='OR')),
    ('message', 'message_goes_before_it_expires', models.Q(('claimed_at__isnull', True), ('claimed_at__lt', models.F('expires_at')), _connector='OR')),
    ('message', 'message_lease_ends_after_its_claim', models.Q(('claimed_until__isnull', True), ('claimed_until__gt', models.F('claimed_at')), _connector='OR')),
    ('offer', 'offer_deciles_in_order', models.Q(('value_from__isnull', True), ('value_to__isnull', True), ('value_to__gte', models.F('value_from')), _connector='OR')),
    ('offergrant', 'grant_ends_after_it_is_given', models.Q(('expires_at__gt', models.F('granted_at')))),
    ('offergrant', 'grant_reserves_nothing_negative', models.Q(('reserved__gte', 0))),
]


class Migration(migrations.Migration):
    atomic = False  # the rows that there are are looked through without holding the table

    dependencies = [
        ('campaigns', '0001_squashed'),
    ]

    operations = [
        AddConstraintNotValid(model_name=model, constraint=models.CheckConstraint(condition=condition, name=name))
        for model, name, condition in NAMED
    ] + [ValidateConstraint(model, name) for model, name, _condition in NAMED]
