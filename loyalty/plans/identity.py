"""Which plan of a draft is which plan of the versions before it: an identity outlives rows, codes and prices."""

from loyalty.plans.models import PaidPlan
from loyalty.programs.models import ProgramVersion


def keep_plan_identities(draft: ProgramVersion) -> None:
    """
    Give each plan of a draft the identity of the one that it was in the published versions.

    A copied plan has it already, whatever its code is now. One that was written anew is that of the same code in the latest
    version that had it.
    """
    published = ProgramVersion.objects.filter(program=draft.program_id, status=ProgramVersion.Status.PUBLISHED)
    earlier = PaidPlan.objects.filter(version__in=published).order_by("version__effective_from", "rank")
    known = dict(earlier.values_list("code", "key"))
    plans = list(PaidPlan.objects.filter(version=draft).order_by("rank"))
    keys, taken = set(earlier.values_list("key", flat=True)), {plan.key for plan in plans}
    for plan in plans:
        key = known.get(plan.code)
        if key is not None and key not in taken and plan.key not in keys:
            plan.key = key
            taken.add(key)
            plan.save(update_fields=["key"])
