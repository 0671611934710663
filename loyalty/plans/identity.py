"""Which plan of a draft is which plan of the versions before it: an identity outlives rows, codes and prices."""

from loyalty.plans.models import PaidPlan
from loyalty.programs.models import ProgramVersion


def keep_plan_identities(draft: ProgramVersion) -> None:
    """Give each plan of a draft that was written anew the identity of the one of its code in the latest published version."""
    published = ProgramVersion.objects.filter(program=draft.program_id, status=ProgramVersion.Status.PUBLISHED)
    latest = published.order_by("-effective_from").first()
    if latest is None:
        return
    known = dict(PaidPlan.objects.filter(version=latest).values_list("code", "key"))
    plans = list(PaidPlan.objects.filter(version=draft))
    taken = {plan.key for plan in plans}
    for plan in plans:
        key = known.get(plan.code)
        if key is not None and key not in taken and plan.key not in known.values():
            plan.key = key
            plan.save(update_fields=["key"])
