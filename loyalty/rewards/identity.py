"""Which reward of a draft is which reward of the versions before it: stock, limits and codes outlive rows and names."""

from loyalty.programs.models import ProgramVersion
from loyalty.rewards.models import Reward


def keep_identities(draft: ProgramVersion) -> None:
    """
    Give each reward of a draft the identity of the one that it was in the latest published version.

    A copied reward has it already, whatever its code is now. One that was written anew is that of the same code; one of a
    code that only an earlier version had comes back as what it was.
    """
    published = ProgramVersion.objects.filter(program=draft.program_id, status=ProgramVersion.Status.PUBLISHED)
    known: dict[str, Reward] = {}
    for reward in Reward.objects.filter(version__in=published).order_by("version__effective_from", "place"):
        known[reward.code] = reward
    rewards = list(Reward.objects.filter(version=draft).order_by("place"))
    keys = {reward.key for reward in known.values()}
    taken = {reward.key for reward in rewards}
    for reward in rewards:
        was = known.get(reward.code)
        if was is not None and reward.key not in keys and was.key not in taken:
            reward.key = was.key
            taken.add(was.key)
            reward.save(update_fields=["key"])
