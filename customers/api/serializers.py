"""What retailers' systems send about customers and interactions, and what they get back."""

from typing import Any

from rest_framework import serializers

from customers.api.fields import InstantField, NumberField
from customers.api.strict import Strict
from customers.models import Consent, Customer
from customers.registration import CustomerFact


class CustomerQuery(serializers.Serializer[Any]):
    external_id = serializers.CharField(required=False, max_length=100, help_text="This one, by your own id.")
    email = serializers.CharField(required=False, max_length=254, help_text="In capital or small letters.")
    phone = serializers.CharField(
        required=False,
        max_length=32,
        help_text="Whole, however it is written; without a country’s code it is of your own country.",
    )


class CustomerIn(Strict):
    external_id = serializers.CharField(max_length=100, help_text="Your own id of the customer.")
    email = serializers.EmailField(required=False, allow_blank=True)
    phone = serializers.CharField(max_length=32, required=False, allow_blank=True)
    first_name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    last_name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    birth_date = serializers.DateField(required=False)
    language = serializers.ChoiceField(choices=["en", "fr"], required=False)
    acquisition_channel = serializers.CharField(max_length=50, required=False, allow_blank=True)
    acquisition_cost = NumberField(required=False, help_text="In your currency, with its decimals.")
    identified_at = InstantField(required=False)

    def fact(self) -> CustomerFact:
        """Return what was said; what was not said stays as it is known."""
        return CustomerFact(**self.validated_data)


class CustomerOut(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = (
            "id",
            "external_id",
            "email",
            "phone",
            "first_name",
            "last_name",
            "birth_date",
            "language",
            "acquisition_channel",
            "acquisition_cost",
            "identified_at",
        )


class ConsentIn(Strict):
    purpose = serializers.ChoiceField(choices=Consent.Purpose.choices)
    granted = serializers.BooleanField()
    occurred_at = InstantField(required=False, help_text="When it was said; now if left out.")
    source = serializers.CharField(max_length=50, help_text="Such as till, web, app.")  # type: ignore[assignment] # hides an attribute of the base class
    wording = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="What was read and agreed to."
    )


class ConsentOut(serializers.ModelSerializer[Consent]):
    customer = serializers.CharField(source="customer.external_id", help_text="Your own id.")

    class Meta:
        model = Consent
        fields = ("customer", "purpose", "granted", "occurred_at", "source", "wording", "recorded_at")
