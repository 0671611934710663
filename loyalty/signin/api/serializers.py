from typing import Any

from rest_framework import serializers

from customers.api.strict import Strict
from customers.models import Retailer


class AddressIn(Strict):
    retailer = serializers.SlugField(help_text="Whose customer you are: the retailer's slug.")
    email = serializers.CharField(max_length=254, help_text="The address that the retailer knows.")
    language = serializers.ChoiceField(
        choices=Retailer.Language.choices, required=False, help_text="Of the mail, where the retailer knows none."
    )


class AskedCodeOut(serializers.Serializer[Any]):
    challenge = serializers.UUIDField(help_text="Send it back with the code.")
    expires_at = serializers.DateTimeField()


class TypedCodeIn(Strict):
    retailer = serializers.SlugField()
    challenge = serializers.UUIDField()
    code = serializers.CharField(max_length=20, help_text="The six digits of the mail.")


class SignedInOut(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="Use it as `Authorization: Bearer ...`. It is told once.")
    expires_at = serializers.DateTimeField()


class SignedOutOut(serializers.Serializer[Any]):
    sessions = serializers.IntegerField(help_text="Browsers in which you were signed in.")
    tokens = serializers.IntegerField(help_text="Tokens that ended, this one among them.")
