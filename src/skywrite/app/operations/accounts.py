"""Operations on accounts: their settings and weekly slots. Signing in is only possible on the page."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType, defstruct

from skywrite.app.operations.shapes import AnAccount, Input, Nothing, Word, Words
from skywrite.app.operations.table import Access, operation
from skywrite.app.settings import SETTINGS, Setting
from skywrite.app.shapes.accounts import (
    AccountShape,
    SlotShape,
    WholeAccountShape,
    account_shape,
    slot_shape,
    whole_account_shape,
)
from skywrite.app.shapes.base import Output
from skywrite.queue.model import Account, Slot


class ByAccount(Input):
    """A handle or DID in the path."""

    account: AnAccount


_BY_KEY = [item for item in SETTINGS.values() if item.by_key]
_BOUNDED = {str: Word, list[str]: Words}


def _described(item: Setting) -> Any:
    return Annotated[_BOUNDED.get(item.kind, item.kind), Meta(description=f"{item.label}: {item.allowed}.")]


EditAccount = defstruct(
    "EditAccount",
    [
        ("account", AnAccount),
        *((item.name, _described(item) | UnsetType | None, UNSET) for item in _BY_KEY),
    ],
    bases=(Input,),
    module=__name__,
    namespace={"__doc__": "Settings to change; null resets one to its default."},
)


class SlotInput(Input):
    """A weekly time: weekday 0 is Monday, minute of the day."""

    weekday: Annotated[int, Meta(ge=0, le=6, description="0 is Monday.")]
    minute: Annotated[int, Meta(ge=0, le=1439, description="Minute of the day.")]
    zone: Annotated[Word, Meta(description="By default the zone of the account.")] | None = None


class SetSlots(Input):
    """All weekly times of an account."""

    account: AnAccount
    slots: Annotated[list[SlotInput], Meta(max_length=500, description="All of them.")]


class SlotList(Output):
    """The weekly times of an account."""

    slots: list[SlotShape]


class AccountList(Output):
    """The accounts that the caller may use."""

    accounts: list[AccountShape]


@operation("GET /accounts", scope="read", tool="list_accounts")
def list_accounts(access: Access, request: Nothing) -> AccountList:
    """List the accounts that you may use."""
    return AccountList([account_shape(account) for account in access.all_accounts()])


@operation("GET /accounts/{account}", scope="read")
def get(access: Access, request: ByAccount) -> WholeAccountShape:
    """Show an account."""
    return whole_account_shape(access.sky.context, access.account(request.account))


@operation("PATCH /accounts/{account}", scope="manage", input=EditAccount)
def edit(access: Access, request: Any) -> AccountShape:
    """Change settings of an account."""
    account = access.account(request.account)
    values = {setting.name: getattr(request, setting.name) for setting in _BY_KEY}
    changes = {name: value for name, value in values.items() if value is not UNSET}
    access.sky.accounts.set(account.did, changes)
    return account_shape(access.sky.context.store.accounts.get(account.did))


@operation("GET /accounts/{account}/slots", scope="read", name="slots.list")
def list_slots(access: Access, request: ByAccount) -> SlotList:
    """List the weekly slots of an account."""
    return _slots(access, access.account(request.account))


@operation("PUT /accounts/{account}/slots", scope="manage", name="slots.set")
def set_slots(access: Access, request: SetSlots) -> SlotList:
    """Replace the weekly slots of an account."""
    from skywrite.posting.schedule.localtime import zone_of

    account = access.account(request.account)
    zone = access.sky.context.zone(account)
    wanted = {
        (item.weekday, item.minute): zone_of(zone if item.zone is None else item.zone).key for item in request.slots
    }
    access.sky.accounts.set_slots(account.did, [Slot(day, minute, name) for (day, minute), name in wanted.items()])
    return _slots(access, account)


def _slots(access: Access, account: Account) -> SlotList:
    return SlotList([slot_shape(slot) for slot in access.sky.context.store.recurrences.slots(account.did)])
