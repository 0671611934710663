from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("referrals", "0001_squashed")]

    operations = [
        migrations.AlterField(
            model_name="referral",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("same_customer", "the friend is the referrer"),
                    ("same_email", "same e-mail"),
                    ("same_phone", "same phone"),
                    ("same_payment", "same means of payment"),
                    ("bought_before", "bought before"),
                    ("cycle", "refers who referred it"),
                    ("advocate_left", "the referrer has left"),
                    ("suspicious", "suspicious"),
                    ("refused_by_staff", "refused by staff"),
                    ("order_returned", "the order came back"),
                    ("below_minimum", "below the minimum amount"),
                    ("too_late", "ordered too late"),
                    ("friend_left", "the friend has left"),
                    ("referred_before", "referred before"),
                    ("not_claimed", "the corrected order names it no more"),
                ],
                max_length=30,
                verbose_name="reason",
            ),
        ),
    ]
