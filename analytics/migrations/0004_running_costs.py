from django.db import migrations, models

# A cost below nothing was told as what the program brings: nobody knows what was meant.
UNKNOWN = "UPDATE analytics_upliftsettings SET monthly_cost = NULL WHERE monthly_cost < 0"


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0003_roll_outs"),
    ]

    operations = [
        migrations.RunSQL(UNKNOWN, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="upliftsettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("monthly_cost__isnull", True), ("monthly_cost__gte", 0), _connector="OR"),
                name="running_costs_are_no_gain",
                violation_error_message="A cost is 0 or more.",
            ),
        ),
    ]
