import customers.core.ids
import customers.models.retailer
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

from customers.core.tenancy import own_rows_only, through
from customers.core.migrating import Together



class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("programs", "0006_two_to_end_it")]

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("customers", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='Program',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(verbose_name='slug')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('zone', models.CharField(help_text="Its midnight ends the program's days.", max_length=64, validators=[customers.models.retailer.validate_zone], verbose_name='time zone')),
                ('versions_revision', models.UUIDField(default=customers.core.ids.new_id, editable=False)),
                ('two_to_publish', models.BooleanField(default=False, help_text='One proposes a version, another publishes it.', verbose_name='two people publish')),
                ('two_ends_asked_by', models.CharField(blank=True, editable=False, help_text='Who wants one person to be enough; a second one has to say so too.', max_length=150, verbose_name='asks to end it')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='programs', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'program',
                'verbose_name_plural': 'programs',
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'slug'), name='program_once_per_slug'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ProgramVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='number')),
                ('status', models.CharField(choices=[('draft', 'draft'), ('published', 'published'), ('withdrawn', 'withdrawn')], default='draft', editable=False, max_length=10, verbose_name='status')),
                ('note', models.CharField(blank=True, help_text='What this version changes, and why.', max_length=200, verbose_name='note')),
                ('effective_from', models.DateTimeField(editable=False, null=True, verbose_name='in force from')),
                ('published_at', models.DateTimeField(editable=False, null=True, verbose_name='published')),
                ('revision', models.UUIDField(default=customers.core.ids.new_id, editable=False)),
                ('proposed_by', models.CharField(blank=True, editable=False, max_length=150, verbose_name='proposed by')),
                ('proposed_for', models.DateTimeField(editable=False, null=True, verbose_name='proposed for')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='programs.program', verbose_name='program')),
                ('published_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
            ],
            options={
                'verbose_name': 'version',
                'verbose_name_plural': 'versions',
                'constraints': [
                    models.UniqueConstraint(fields=('program', 'number'), name='version_once_per_number'),
                    models.UniqueConstraint(condition=models.Q(('status', 'published')), fields=('program', 'effective_from'), name='version_once_per_instant'),
                    models.CheckConstraint(condition=models.Q(models.Q(('effective_from__isnull', True), ('status', 'draft')), models.Q(('effective_from__isnull', False), ('published_at__isnull', False), ('status__in', ['published', 'withdrawn'])), _connector='OR'), name='version_published_has_an_instant'),
                ],
            },
        ),
        migrations.CreateModel(
            name='VersionEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='version')),
                ('action', models.CharField(choices=[('created', 'created'), ('edited', 'edited'), ('proposed', 'proposed'), ('deleted', 'deleted'), ('published', 'published'), ('withdrawn', 'withdrawn')], max_length=10, verbose_name='action')),
                ('author', models.CharField(blank=True, max_length=150, verbose_name='by')),
                ('changes', models.JSONField(default=list, verbose_name='changes')),
                ('occurred_at', models.DateTimeField(verbose_name='when')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='programs.program', verbose_name='program')),
            ],
            options={
                'verbose_name': 'event of a version',
                'verbose_name_plural': 'events of versions',
                'indexes': [
                    models.Index(fields=['program', '-id'], name='version_event_newest_first'),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='programversion',
            trigger=pgtrigger.compiler.Trigger(name='published_versions_are_frozen', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."status" IN (\'published\', \'withdrawn\'))', func="\nIF TG_OP = 'UPDATE' AND OLD.status = 'published' AND NEW.status = 'withdrawn' AND OLD.effective_from > now()\n    AND to_jsonb(NEW) - 'status' = to_jsonb(OLD) - 'status' THEN\n    RETURN NEW;\nEND IF;\nRAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;\n", hash='01ae82fbd5c6223915d919345b50f11381a47ac0', operation='UPDATE OR DELETE', pgid='pgtrigger_published_versions_are_frozen_ceff8', table='programs_programversion', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='versionevent',
            trigger=pgtrigger.compiler.Trigger(name='version_events_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='5135f20063395ac8134dfe85b3c0732406507d4e', operation='UPDATE OR DELETE', pgid='pgtrigger_version_events_are_append_only_ea2ff', table='programs_versionevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='versionevent',
            trigger=pgtrigger.compiler.Trigger(name='version_events_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='54f30efa0fa1d1edd5f1349577a26a5140a99e5e', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_version_events_never_truncated_e6aa4', table='programs_versionevent', when='BEFORE')),
        ),
        ]),
        own_rows_only("programs_program"),
        own_rows_only("programs_programversion", through("programs_program", "program_id")),
        own_rows_only("programs_versionevent", through("programs_program", "program_id")),
    ]
