"""Which tier of a draft is which tier of the versions before it: an identity outlives rows, codes and thresholds."""

from loyalty.programs.models import ProgramVersion
from loyalty.tiers.models import Tier


def keep_identities(draft: ProgramVersion) -> None:
    """
    Give each tier of a draft the identity of the one that it was in the latest published version.

    A copied tier has it already, whatever its code is now. One that was written anew is that of the same code, or, where its
    code is new, the one of the same threshold whose code is gone.
    """
    published = ProgramVersion.objects.filter(program=draft.program_id, status=ProgramVersion.Status.PUBLISHED)
    latest = published.order_by("-effective_from").first()
    if latest is None:
        return
    new = list(Tier.objects.filter(version=draft).order_by("rank"))
    old = list(Tier.objects.filter(version=latest).order_by("rank"))
    keys = {tier.key for tier in new}
    left = [tier for tier in old if tier.key not in keys]
    known = {tier.key for tier in old}
    for match in ("code", "threshold"):
        for tier in new:
            if tier.key in known:
                continue
            was = next((each for each in left if getattr(each, match) == getattr(tier, match)), None)
            if was is not None:
                left.remove(was)
                tier.key = was.key
                known.add(tier.key)
                tier.save(update_fields=["key"])
