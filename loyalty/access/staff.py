"""For which retailer somebody of the staff acts, and as what."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Exists, F
from django.http import HttpRequest

from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.access.models import SignInPolicy, StaffRole
from loyalty.access.roles import ALL_SCOPES, PERMISSIONS, SCOPES, Role
from loyalty.access.second_factor import has_one

CHOSEN = "retailer"  # the key in the session


@dataclass(frozen=True, slots=True)
class Post:
    """
    The post that somebody fills in a request.

    :param retailer: None for a superuser where there is no retailer yet
    :param role: None for a superuser, who may do everything
    :param lacks_second_factor: whether a second factor is required that its holder has not got
    """

    user: Any
    retailer: Retailer | None
    role: Role | None
    lacks_second_factor: bool = False

    @property
    def pk(self) -> Any:
        """Return whom to count requests by."""
        return self.user.pk

    @property
    def scopes(self) -> frozenset[str]:
        """Return what the post lets its holder do by API."""
        return ALL_SCOPES if self.role is None else SCOPES[self.role]


def post_of(request: HttpRequest) -> Post | None:
    """Return the post that a signed-in user fills in a request; None for who fills none."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not user.is_active or not user.is_staff:
        return None
    wanted = request.session.get(CHOSEN)
    with acting_for(ALL_TENANTS):
        return _of_superuser(user, wanted) if user.is_superuser else _of_staff(user, wanted)


def _of_superuser(user: Any, wanted: Any) -> Post:
    required = SignInPolicy.objects.filter(requires_second_factor=True)
    retailers: Any = Retailer.objects.annotate(some_require=Exists(required)).order_by("name")
    chosen = retailers.filter(pk=wanted).first() if wanted else None
    retailer = chosen or retailers.first()
    lacks = retailer is not None and retailer.some_require and not has_one(user)  # it sees the rows of all
    return Post(user, retailer, None, lacks_second_factor=lacks)


def _of_staff(user: Any, wanted: Any) -> Post | None:
    """Return the post at the retailer of this session; without one, at that which was chosen last."""
    rows = StaffRole.objects.filter(user=user).select_related("retailer__sign_in_policy")
    roles = list(rows.order_by(F("chosen_at").desc(nulls_last=True), "retailer__name"))
    found = next((role for role in roles if role.retailer_id == wanted), roles[0] if roles else None)
    if found is None:
        return None
    user.staff_role, user.role_held, user.roles_held = Role(found.role), found, roles
    lacks = any(_requires(role) for role in roles) and not has_one(user)
    return Post(user, found.retailer, user.staff_role, lacks_second_factor=lacks)


def _requires(role: StaffRole) -> bool:
    policy: SignInPolicy | None = getattr(role.retailer, "sign_in_policy", None)
    return policy is not None and policy.requires_second_factor


class RoleBackend(BaseBackend):
    """Grants what a user's role at its present retailer grants."""

    def get_all_permissions(self, user_obj: AbstractBaseUser | AnonymousUser, obj: Any = None) -> set[str]:
        role: Role | None = getattr(user_obj, "staff_role", None)
        if role is None or obj is not None or not user_obj.is_active:
            return set()
        return set(PERMISSIONS[role])

    def has_perm(self, user_obj: AbstractBaseUser | AnonymousUser, perm: str, obj: Any = None) -> bool:
        return perm in self.get_all_permissions(user_obj, obj)

    def has_module_perms(self, user_obj: AbstractBaseUser | AnonymousUser, app_label: str) -> bool:
        return any(perm.startswith(f"{app_label}.") for perm in self.get_all_permissions(user_obj))
