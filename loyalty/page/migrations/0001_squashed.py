import customers.core.images
import django.core.validators
import django.db.models.deletion
import loyalty.page.models
import re
from django.db import migrations, models

from customers.core.tenancy import own_rows_only



class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("page", "0002_contact_is_an_address")]

    dependencies = [
        ("customers", "0001_squashed"),
    ]

    operations = [
        migrations.CreateModel(
            name='Branding',
            fields=[
                ('retailer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='branding', serialize=False, to='customers.retailer', verbose_name='retailer')),
                ('is_open', models.BooleanField(default=True, help_text='Members can sign in. Closed, the page says that it is.', verbose_name='open')),
                ('accent', models.CharField(default='#245149', help_text='Your own, as #rrggbb. What is written on it is made readable by itself.', max_length=7, validators=[django.core.validators.RegexValidator(re.compile('^#[0-9a-fA-F]{6}$'), 'Six digits after a #, such as #245149.')], verbose_name='colour')),
                ('logo', models.CharField(blank=True, help_text='Its address, or the name of an image that was uploaded. Empty, your name is written.', max_length=300, validators=[customers.core.images.validate_image], verbose_name='logo')),
                ('greeting', models.CharField(blank=True, help_text='Above the sign-in.', max_length=120, verbose_name='greeting')),
                ('greeting_fr', models.CharField(blank=True, max_length=120, verbose_name='greeting in French')),
                ('contact', models.CharField(blank=True, help_text="Where members get help: an e-mail address or a page's, which begins with https://.", max_length=254, validators=[loyalty.page.models.validate_contact], verbose_name='contact')),
                ('privacy_notice', models.CharField(blank=True, help_text='The address of your own.', max_length=300, validators=[django.core.validators.URLValidator(schemes=['https', 'http'])], verbose_name='privacy notice')),
            ],
            options={
                'verbose_name': "members' page",
                'verbose_name_plural': "members' pages",
                'constraints': [models.CheckConstraint(condition=models.Q(('accent__regex', '^#[0-9a-fA-F]{6}$')), name='accent_is_a_colour')],
            },
        ),
        own_rows_only("page_branding"),
    ]
