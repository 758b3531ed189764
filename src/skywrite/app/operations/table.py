"""What an operation is, and who may ask for it.

What lives here: `Operation`, one row of the table, `operation`, which makes it from a typed function, and `Access`, the
rights of one caller. What does not: the functions (a module for each noun beside this one), HTTP and MCP (`server`),
which are made from the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import getdoc
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_type_hints

from skywrite.app.context import known_accounts
from skywrite.core.errors import Do, Hint, InputError, NotAllowed, NotFound
from skywrite.queue.api_keys import ApiKey, Maker, Scope
from skywrite.queue.approval_rules import AGENT_SOURCES
from skywrite.queue.authors import written_by
from skywrite.queue.changing import unknown_post
from skywrite.queue.identities import check_own
from skywrite.queue.model import Account, Post

if TYPE_CHECKING:
    from skywrite.app.facade import Skywrite
    from skywrite.core.errors import SkywriteError

Thing = TypeVar("Thing")
Given = TypeVar("Given")
Made = TypeVar("Made")


class Access(NamedTuple):
    """The rights of one caller. `accounts` are DIDs, None is all of them; `who` is how the log calls the caller.

    `key` is the one that was shown; `person_id` is who is signed in, or from whom the key came. `shared_by`: the key
    from which that one came, if another.
    """

    sky: Skywrite
    scopes: frozenset[Scope]
    accounts: frozenset[str] | None = None
    who: str = ""
    source: str = "api"
    key: ApiKey | None = None
    person_id: int | None = None
    shared_by: int | None = None

    @property
    def share(self) -> str:
        """Whose share of the server it takes: a key and all that came from it have one together."""
        return self.who if self.shared_by is None else f"key {self.shared_by}"

    @property
    def maker(self) -> Maker:
        """Who makes what this caller makes."""
        return Maker(None if self.key is None else self.key.id, self.person_id)

    def require_person(self) -> None:
        """Raise NotAllowed unless a person asks, on the page."""
        if self.source != "page":
            raise NotAllowed(
                "Only a person does this, on the page.",
                code="access.denied",
                hint="No key does it, whatever its scopes.",
            )

    def require(self, scope: Scope) -> None:
        """Raise NotAllowed without this scope."""
        if scope not in self.scopes:
            raise NotAllowed(
                f"This needs the scope {scope!r}.",
                code="access.denied",
                hint=f"The available scopes are: {', '.join(sorted(self.scopes))}.",
            )

    def covers(self, touched: Iterable[str] | None) -> bool:
        """Whether the caller has rights for every account that a thing touches; None: it touches all of them.

        This alone decides what a caller may know of and change. What touches no account is not for those who have
        rights for some only.
        """
        dids = frozenset(touched or ())
        return self.accounts is None or (bool(dids) and dids <= self.accounts)

    def seen(self, thing: Thing, touched: Iterable[str] | None, missing: SkywriteError) -> Thing:
        """A thing that touches these accounts. Raises `missing`, the error about one that was never there."""
        if not self.covers(touched):
            raise missing
        return thing

    def account(self, name: str | None = None) -> Account:
        """The account with this name, else the only one of the caller, else the default one. Raises NotFound."""
        if name is None:
            return self.sky.context.account() if self.accounts is None else self._only_account()
        try:
            return self.sky.context.store.accounts.get(name, self.accounts)
        except NotFound as error:
            error.hint = known_accounts(name, [account.handle for account in self.all_accounts()])
            raise

    def all_accounts(self) -> list[Account]:
        """The accounts that the caller may know of, the default one first."""
        return [account for account in self.sky.context.store.accounts.all() if self.covers([account.did])]

    def post(self, post_id: int) -> Post:
        """A post of an account that the caller may know of. Raises NotFound."""
        post = self.sky.context.store.posts.get(post_id)
        return self.seen(post, [post.account_did], unknown_post(post_id))

    def handle(self, did: str | None) -> str | None:
        """The handle of an account; None for all accounts."""
        return None if did is None else self.sky.context.store.accounts.get(did).handle

    def dids(self, name: str | None) -> list[str | None]:
        """The accounts that a listing covers: `[None]` is all of them."""
        if name is not None:
            return [self.account(name).did]
        return [None] if self.accounts is None else [account.did for account in self.all_accounts()]

    def _only_account(self) -> Account:
        mine = self.all_accounts()
        if len(mine) == 1:
            return mine[0]
        if not mine:
            hint = Hint("Use another key: ", Do("keys.add"))
            raise InputError("No account that this key is for is signed in.", hint=hint)
        handles = ", ".join(account.handle for account in mine)
        raise InputError("Several accounts are possible.", hint=f"Name one of: {handles}.")


def touched_by(did: str | None) -> list[str] | None:
    """The accounts that a thing touches which is for one account, or for all."""
    return None if did is None else [did]


class Operation(NamedTuple):
    """Something that may be asked for from outside.

    `route` is its HTTP method and path; fields of `input` that stand in the path are taken from there, others from the
    query (GET, DELETE) or the body. `scope` is the least that the caller needs; `call` may ask for more. `created`:
    a result that says that it is new is answered with 201. `network`: it may wait for servers of others. `tool`: the
    name of its MCP tool, if it has one. `resource`: the name and description of what agents may read without a tool.
    `by_person`: only a person does it, since whoever has one key may make another.
    """

    name: str
    route: str
    scope: Scope
    summary: str
    call: Callable[[Access, Any], Any]
    input: type[Any]
    output: Any
    read_only: bool = False
    idempotent: bool = False
    destructive: bool = False
    created: bool = False
    network: bool = False
    tool: str | None = None
    resource: str | None = None
    by_person: bool = False

    def run(self, access: Access, request: Any) -> Any:
        """Call it; what it writes is noted as the caller's."""
        if self.by_person:
            access.require_person()
        if not self.read_only:
            check_own(getattr(request, "key", None))
        with written_by(access.who or access.source, agent=access.source in AGENT_SOURCES):
            return self.call(access, request)

    @property
    def method(self) -> str:
        """GET, POST, PATCH, PUT or DELETE."""
        return self.route.partition(" ")[0]

    @property
    def path(self) -> str:
        """The path below `/api/v1`, with `{names}`."""
        return self.route.partition(" ")[2]

    def path_fields(self) -> list[str]:
        """The names of the input's fields that stand in the path."""
        return [piece.partition("}")[0] for piece in self.path.split("{")[1:]]


_ROWS: dict[str, list[Operation]] = {}


def operation(
    route: str,
    *,
    scope: Scope,
    name: str | None = None,
    tool: str | None = None,
    resource: str | None = None,
    input: type[Any] | None = None,
    read_only: bool | None = None,
    idempotent: bool | None = None,
    destructive: bool | None = None,
    created: bool = False,
    network: bool = False,
    by_person: bool = False,
) -> Callable[[Callable[[Access, Given], Made]], Callable[[Access, Given], Made]]:
    """Put a function into the table, and leave it as it is.

    Its annotations say what goes in and out, the first paragraph of its docstring is the summary. The name is the noun
    of the path with the function's name (`list_posts` at `/posts` is `posts.list`). GET, and whatever the scope `read`
    is enough for, only reads; DELETE destroys; PATCH and PUT may be repeated. The other arguments are for what differs.
    """
    method, _, path = route.partition(" ")
    reads = (method == "GET" or scope == "read") if read_only is None else read_only

    def put(function: Callable[[Access, Given], Made]) -> Callable[[Access, Given], Made]:
        annotated = get_type_hints(function, include_extras=True)
        row = Operation(
            name=_name_of(path, function.__name__) if name is None else name,
            route=route,
            scope=scope,
            summary=" ".join((getdoc(function) or "").partition("\n\n")[0].split()),
            call=function,
            input=annotated["request"] if input is None else input,
            output=annotated["return"],
            read_only=reads,
            idempotent=(reads or method in ("PATCH", "PUT")) if idempotent is None else idempotent,
            destructive=method == "DELETE" if destructive is None else destructive,
            created=created,
            network=network,
            tool=tool,
            resource=resource,
            by_person=by_person,
        )
        _ROWS.setdefault(function.__module__, []).append(row)
        return function

    return put


def _name_of(path: str, function: str) -> str:
    noun = path.split("/")[1].replace("-", "_")
    return f"{noun}.{function.removesuffix(f'_{noun}').removesuffix('_' + noun.removesuffix('s'))}"


def rows_of(module: ModuleType) -> list[Operation]:
    """The operations of a module, in the order in which they stand there."""
    return _ROWS[module.__name__]


def by_name(operations: Iterable[Operation]) -> dict[str, Operation]:
    """The table by name; each name and each route is there once."""
    table: dict[str, Operation] = {}
    routes: set[str] = set()
    for operation in operations:
        if operation.name in table or operation.route in routes:
            raise ValueError(f"{operation.name} ({operation.route}) is in the table twice")
        table[operation.name] = operation
        routes.add(operation.route)
    return table
