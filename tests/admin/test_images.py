"""Images of rewards: uploaded, looked at, written anew, and shown by their address; what is no image is told."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from pytest_django import Settings

from customers.core.images import store_image
from customers.core.pictures import UnusableImage, read_picture
from loyalty.access.models import StaffRole
from loyalty.badges.models import Badge
from loyalty.configuration.checking import check
from loyalty.configuration.document import apply_to, check_document, to_document
from loyalty.page.models import Branding
from loyalty.programs.models import ProgramVersion
from loyalty.rewards.models import Reward
from tests import make
from tests.admin.test_pages import _form
from tests.rewards import shop

pytestmark = pytest.mark.django_db


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **said: Any) -> bytes:
    """Return an image file."""
    written = BytesIO()
    Image.new(mode, size, "red" if mode != "P" else 1).save(written, kind, **said)
    return written.getvalue()


def an_owner(draft: ProgramVersion) -> User:
    """Return somebody who owns the retailer of a draft."""
    user = User.objects.create_user("otto", is_staff=True)
    StaffRole.objects.create(user=user, retailer=draft.program.retailer, role="owner")
    return user


def uploads(client: Client, draft: ProgramVersion, content: bytes, name: str = "mug.png") -> Any:
    """Upload an image for a draft's only reward on the page of all its parts."""
    page = reverse("admin:programs_programversion_change", args=[draft.pk])
    form: dict[str, Any] = _form(client, page)
    return client.post(page, form | {"rewards-0-picture": SimpleUploadedFile(name, content), "_continue": "1"})


def test_an_image_is_uploaded_written_anew_and_shown_with_its_address(client: Client) -> None:
    draft = make.version()
    shop.reward(draft)
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "the photographer's secret", 6  # a description; turned by a quarter
    content = picture("JPEG", (64, 48), exif=exif)
    client.force_login(an_owner(draft))

    answer = uploads(client, draft, content)

    assert answer.status_code == 302, answer.context["errors"]
    name = Reward.objects.get(version=draft).image
    with default_storage.open(name) as file, Image.open(file) as stored:
        assert (stored.format, stored.size, dict(stored.getexif())) == ("WEBP", (48, 64), {})
    assert name.startswith(f"images/{draft.program.retailer_id}/")
    assert uploads(client, draft, content).status_code == 302  # again it is the same file
    assert len(default_storage.listdir(f"images/{draft.program.retailer_id}")[1]) == 1
    ada = shop.member(make.published(draft), at=timezone.now())
    shown = client.get("/api/v1/me/rewards", headers={"Authorization": f"Bearer {make.token(ada.customer)}"}).json()
    assert shown[0]["rewards"][0]["image"] == f"http://testserver/media/{name}"
    assert f'src="/media/{name}"' in client.get(reverse("admin:rewards_reward_changelist")).content.decode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no JPEG, PNG or WebP"),
        (b"<svg onload='alert(1)'/>", "no JPEG, PNG or WebP"),
        (picture("GIF"), "no JPEG, PNG or WebP"),
        (picture()[:60], "is broken"),
        (picture(size=(31, 400)), "31 by 400 pixels; each side has 32 at least"),
        (picture(size=(8_001, 40)), "a side has 8000 at most"),
        (picture(size=(6_000, 6_000)), "all of it 25 million"),
        (picture() + b"\x00" * 5 * 1024 * 1024, "larger than 5 MB"),
    ],
)
def test_what_cannot_be_taken_is_told(content: bytes, says: str) -> None:
    with pytest.raises(UnusableImage, match=says):
        read_picture(BytesIO(content))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1", "CMYK", "I;16"])
def test_every_kind_of_pixel_is_taken(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    written = BytesIO()
    Image.new(mode, (2_400, 600)).save(written, kind)

    with Image.open(BytesIO(read_picture(BytesIO(written.getvalue())))) as found:
        assert found.size == (1_200, 300)


def test_a_photo_of_which_a_camera_wrote_nonsense_is_told_to_be_broken() -> None:
    said = Image.Exif()
    said[0x0112], said[0x010F] = 6, "a maker"  # lying on its side
    written = BytesIO()
    Image.new("RGB", (64, 48)).save(written, "JPEG", exif=said.tobytes())
    of_cells = written.getvalue().replace(b"\x01\x0f\x00\x02", b"\x01\x08\x00\x02")  # a text where a number is to be

    with pytest.raises(UnusableImage, match="is broken"):
        read_picture(BytesIO(of_cells))


def test_a_wrong_file_is_told_at_its_field_and_nothing_is_stored(client: Client) -> None:
    draft = make.version()
    shop.reward(draft)
    client.force_login(an_owner(draft))

    answer = uploads(client, draft, b"no image", "mug.png")

    assert answer.status_code == 200
    assert "The image cannot be taken: it is no JPEG, PNG or WebP image, or is broken." in answer.content.decode()
    assert Reward.objects.get(version=draft).image == ""


def test_a_document_keeps_an_address_or_a_name_and_what_is_not_stored_is_not_published() -> None:
    draft, other = make.version(), make.version()
    shop.reward(draft)
    mine, theirs = (store_image(each.program.retailer_id, picture()) for each in (draft, other))
    said = to_document(draft)

    def found(image: str) -> list[str]:
        said["rewards"][0]["image"] = image
        problems = check_document(json.loads(json.dumps(said)))
        if not problems:
            apply_to(draft, said)
            assert to_document(draft)["rewards"][0]["image"] == image
            problems = check(draft)
        return [each.code for each in problems if each.is_error]

    assert found("https://cdn.example.org/mug.png") == []
    assert found(mine) == []
    assert found(theirs) == ["no_such_image"]
    assert found(f"images/{draft.program.retailer_id}/{'0' * 32}.webp") == ["no_such_image"]
    for wrong in ("javascript:alert(1)", "../../etc/passwd", "images/1/mug.svg", "mug.png", f"{mine}\n"):
        assert found(wrong) == ["invalid"]


def test_images_are_files_of_the_folder_that_a_site_or_a_proxy_serves(settings: Settings, tmp_path: Path) -> None:
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}}
    settings.MEDIA_ROOT = str(tmp_path)

    name = store_image(7, picture())

    assert (tmp_path / name).read_bytes() == picture()


def test_a_badge_has_its_art_as_a_file_too(client: Client) -> None:
    draft = make.version()
    Badge.objects.create(version=draft, code="regular", name="Regular", kind="once")
    client.force_login(an_owner(draft))
    page = reverse("admin:programs_programversion_change", args=[draft.pk])
    form = {**_form(client, page), "badges-0-picture": SimpleUploadedFile("art.png", picture()), "_continue": "1"}

    answer = client.post(page, form)

    assert answer.status_code == 302, answer.context["errors"]
    name = Badge.objects.get(version=draft).image
    assert name.startswith(f"images/{draft.program.retailer_id}/")
    ada = make.member(make.published(draft), since=timezone.now())
    shown = client.get("/api/v1/me/badges", headers={"Authorization": f"Bearer {make.token(ada.customer)}"}).json()
    assert shown[0]["badges"][0]["image"] == f"http://testserver/media/{name}"


def test_a_badges_art_that_is_not_stored_is_not_published() -> None:
    draft = make.version()
    missing = f"images/{draft.program.retailer_id}/{'0' * 32}.webp"
    Badge.objects.create(version=draft, code="regular", name="Regular", kind="once", image=missing)

    assert [each.code for each in check(draft) if each.is_error] == ["no_such_image"]


def test_a_retailers_logo_is_a_file_on_its_members_page(client: Client) -> None:
    draft = make.version()
    client.force_login(an_owner(draft))
    page = reverse("admin:page_branding_add")
    form = _form(client, page) | {"picture": SimpleUploadedFile("logo.png", picture()), "accent": "#245149"}

    answer = client.post(page, form)

    assert answer.status_code == 302, answer.context["errors"]
    logo = Branding.objects.get(retailer=draft.program.retailer).logo
    assert f'src="/media/{logo}"' in client.get(f"/my/{draft.program.retailer.slug}").content.decode()
