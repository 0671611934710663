"""The demo's rewards and badges have pictures, the same each time, that the pages can show."""

from django.core.files.storage import default_storage
from PIL import Image

from analytics.demonstration.badges import BADGES
from analytics.demonstration.pictures import SQUARE, WIDE, picture
from analytics.demonstration.program import REWARDS
from customers.core.images import is_missing


def size_of(name: str) -> tuple[int, int]:
    with default_storage.open(name) as file:
        return Image.open(file).size


def test_each_reward_and_badge_of_the_demo_has_its_picture() -> None:
    rewards = [picture(1, code) for code, *_ in REWARDS]
    badges = [picture(1, code, SQUARE) for code, *_ in BADGES]

    assert rewards == [picture(1, code) for code, *_ in REWARDS]
    assert len({*rewards, *badges}) == len(REWARDS) + len(BADGES)
    assert not any(is_missing(name, 1) for name in (*rewards, *badges))
    assert {size_of(name) for name in rewards} == {WIDE}
    assert {size_of(name) for name in badges} == {SQUARE}
