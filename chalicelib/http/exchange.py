"""One request on its way through the pipeline, step by step, on whatever thread the step runs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from starlette.requests import Request

from chalicelib.core.errors import Forbidden, Unauthenticated
from chalicelib.core.jsonio import dump_bytes, loads
from chalicelib.core.principal import Principal
from chalicelib.http import auth, bodies, idempotent
from chalicelib.http.answers import Rendered, render
from chalicelib.http.callers import Callers
from chalicelib.http.endpoint import Endpoint
from chalicelib.http.limits import Headers, quota_headers
from chalicelib.http.relaying import WhileAdmitted
from chalicelib.http.route import Answer, Call, EventStream, Passage, Relay, Result
from chalicelib.http.sse import while_admitted
from chalicelib.http.validation import validate
from chalicelib.http.workers import on_thread, work_for
from chalicelib.observability import bind, log_failure, logger
from chalicelib.tenants.idempotency import RUNNING_SECONDS, StoredAnswer
from chalicelib.tenants.limits import Quota

if TYPE_CHECKING:
    from chalicelib.wiring import Services

Outcome = Result | Rendered

_callers = Callers()
_REPLAYED = (b"idempotent-replayed", b"true")
_RENEWAL_SECONDS = RUNNING_SECONDS / 3

_LOGGED = ("session", "sandbox")


@dataclass(slots=True)
class Exchange:
    """A request whose route is known. The steps are called in the order they stand here."""

    services: "Services"
    request: Request
    request_id: str
    endpoint: Endpoint
    path: dict[str, str]
    raw_body: bytes = b""
    principal: Principal = auth.ANONYMOUS
    quota: Quota | None = None
    claim: idempotent.Claim | None = field(default=None, init=False)
    learnt: dict[str, str] = field(default_factory=dict, init=False)

    def admit(self) -> None:
        """Find the caller and count the request. Raises Unauthenticated, Forbidden, RateLimited."""
        scope = self.endpoint.route.scope
        if scope is None:
            return
        self.principal = auth.identify(self.services, self.request, scope)
        if self.principal.bound is not None and self.endpoint.route.reach is None:
            raise Forbidden("the credential of a worker does not open this route")
        _callers.note(self.request.headers, self.principal.tenant)
        self.quota = self.services.limits.take(self.principal, self.endpoint.route.rate)

    def is_known(self) -> bool:
        """Whether it can be told without blocking on whose threads the work is done; it is done on theirs then."""
        tenant = "" if self.endpoint.route.scope is None else _callers.tenant(self.request.headers)
        # What followed on a connection may have inherited whom the request before it was for.
        work_for(tenant or "")
        return tenant is not None

    def expects_body(self) -> bool:
        """Whether there is a body to read."""
        return self.endpoint.reads_body(self.request.method) and bodies.is_announced(self.request.headers)

    def may_block(self) -> bool:
        """Whether the steps before the handler ask storage or take long."""
        route = self.endpoint.route
        return route.scope is not None or len(self.raw_body) > bodies.SMALL

    def reads_early(self) -> bool:
        """Whether the body may be read before the caller is known: it saves a change of thread and costs nothing."""
        return not self.endpoint.route.raw and bodies.is_small(self.request.headers)

    def check_body(self) -> None:
        """Refuse by what the headers announce. Raises TooLarge, UnsupportedMedia, InvalidRequest."""
        route, headers = self.endpoint.route, self.request.headers
        bodies.check_length(headers, route.body_limit)
        if not (route.raw and not route.raw_media):
            bodies.check_media(headers, route.raw_media if route.raw else ())

    async def take_body(self) -> None:
        """Read what the handler does not read itself. Raises TooLarge, ClientDisconnect."""
        route = self.endpoint.route
        if route.raw and self.endpoint.waits:
            receive = bodies.counting(self.request.receive, route.body_limit)
            self.request = Request(self.request.scope, receive)
            return
        # What is read early has a small announced length, which is held against the route's limit later, in its turn.
        limit = bodies.SMALL if self.reads_early() else route.body_limit
        self.raw_body = await bodies.read(self.request.receive, limit)

    def prepare(self) -> Call | Rendered:
        """Validate; the call for the handler, or the answer given to the same request before.

        Raises InvalidRequest, what the route's ``reach`` raises, and Conflict for a key in use.
        """
        route, headers = self.endpoint.route, self.request.headers
        call = Call(
            services=self.services,
            principal=self.principal,
            request_id=self.request_id,
            headers=headers,
            path=self.path,
            raw_body=self.raw_body,
            request=self.request,
            ids=self.learnt,
        )
        query = self.request.scope["query_string"].decode("latin-1")
        if self.endpoint.reads_body(self.request.method) and not route.raw:
            data = bodies.parse_object(self.raw_body)
            call.body = data if route.body is None else validate(route.body, data)
        if route.query is not None and self.endpoint.query is not None:
            call.query = validate(route.query, self.endpoint.query.read(query))
        if self.principal.bound is not None and route.reach is not None:
            route.reach(call, self.principal.bound)
        if not route.idempotent:
            return call
        key = idempotent.key_of(headers)
        if key is None:
            return call
        mark = idempotent.fingerprint(self.raw_body, query)
        call.seed = f"{key} {mark}"
        remembered = self._begin(key, mark)
        return call if remembered is None else self._repeat(call, remembered)

    def enter(self, *, admitted: bool) -> Call | Rendered:
        """Everything before the handler that may block, in one go."""
        if not admitted:
            self.admit()
            if self.expects_body():
                self.check_body()
        with bind(**self.ids()):
            return self.prepare()

    def carry_out(self, *, admitted: bool) -> Outcome:
        """Everything, for a handler that is a plain function."""
        call = self.enter(admitted=admitted)
        if isinstance(call, Rendered):
            return call
        handler = cast("Callable[[Call], Result]", self.endpoint.route.handler)
        try:
            with bind(**self.ids()):
                return self.settle(handler(call))
        except BaseException:
            self.give_up()
            raise

    def _begin(self, key: str, mark: str) -> StoredAnswer | None:
        # People of one tenant share no answers: a key of their own may be among these.
        told = (self.request.method, self.request.scope["path"], self.principal.user)
        box = self.services.secrets if self.endpoint.route.sealed else None
        # Nor do keys share secrets that may do different things: such a secret may do as much as whoever asked for it.
        held = sorted(self.principal.scopes) if box is not None else ()
        scope = " ".join(filter(None, (*told, *held)))
        claim = idempotent.Claim(self.services.idempotency, self.principal.tenant, scope, key, box)
        remembered = claim.begin(mark)
        if remembered is None:
            self.claim = claim
        return remembered

    def _repeat(self, call: Call, remembered: StoredAnswer) -> Rendered:
        recall = self.endpoint.route.recall
        if recall is None:
            return _replayed(Answer(remembered.body.encode() or None, remembered.status))
        return _replayed(recall(call, loads(remembered.body)))

    def settle(self, result: Result) -> Outcome:
        """The bytes of a JSON answer, kept for repetitions; streams and downloads pass and are not kept."""
        if isinstance(result, EventStream):
            result = replace(result, frames=while_admitted(result.frames, self._still_admitted))
        elif isinstance(result, Relay | Passage):
            result = replace(result, pieces=WhileAdmitted(result.pieces, self._still_admitted))
        if not isinstance(result, Answer):
            self.give_up()
            return result
        rendered = render(result)
        if self.claim is not None:
            body = rendered.body if self.endpoint.route.recall is None else dump_bytes(result.kept)
            _keep(self.claim, rendered.status, body)
        return rendered

    async def _still_admitted(self) -> bool:
        scope = self.endpoint.route.scope
        if scope is None:
            return True
        try:
            await on_thread(auth.identify, self.services, self.request, scope)
        except (Unauthenticated, Forbidden):
            return False
        return True

    def renew(self) -> None:
        """Keep the key of a request that takes long."""
        if self.claim is None:
            return
        try:
            self.claim.renew()
        except Exception as error:  # noqa: BLE001 - the request itself goes on; the next time may do
            log_failure(logger("http"), "an idempotency key could not be kept", error)

    def give_up(self) -> None:
        """After an error: let the request be repeated under its key."""
        claim, self.claim = self.claim, None
        if claim is None:
            return
        try:
            claim.abandon()
        except Exception as error:  # noqa: BLE001 - the first error is the one to answer; the claim lapses by itself
            log_failure(logger("http"), "an idempotency key could not be released", error)

    def ids(self) -> dict[str, str]:
        """What identifies the request in the log."""
        named = {noun: self.path[f"{noun}_id"] for noun in _LOGGED if f"{noun}_id" in self.path}
        return {"tenant": self.principal.tenant} | (named if self.principal.tenant else {}) | self.learnt

    def headers(self) -> Headers:
        """What the state of the request adds to its answer."""
        return [] if self.quota is None else quota_headers(self.quota)


def _keep(claim: idempotent.Claim, status: int, body: bytes) -> None:
    try:
        claim.finish(status, body)
    except Exception as error:  # noqa: BLE001 - what was asked is done; telling otherwise would be wrong
        log_failure(logger("http"), "an answer could not be kept for repetitions", error)


def _replayed(answer: Answer) -> Rendered:
    rendered = render(answer)
    return Rendered(rendered.status, [*rendered.headers, _REPLAYED], rendered.body)


async def serve(exchange: Exchange) -> Outcome:
    """Carry an exchange out, and keep its Idempotency-Key for as long as that takes."""
    if idempotent.HEADER not in exchange.request.headers:
        return await _served(exchange)
    renewing = asyncio.create_task(_renew(exchange))
    try:
        return await _served(exchange)
    finally:
        renewing.cancel()


async def _renew(exchange: Exchange) -> None:
    while True:
        await asyncio.sleep(_RENEWAL_SECONDS)
        await on_thread(exchange.renew)


async def _served(exchange: Exchange) -> Outcome:
    """The steps of an exchange, with as few changes of thread as their order permits."""
    admitted = False
    reads = exchange.expects_body()
    if not exchange.is_known() or (reads and not exchange.reads_early()):
        await on_thread(exchange.admit)
        work_for(exchange.principal.tenant)
        admitted = True
        if reads:
            exchange.check_body()
    if reads:
        await exchange.take_body()
    if not exchange.endpoint.waits:
        return await on_thread(exchange.carry_out, admitted=admitted)
    if exchange.may_block():
        call = await on_thread(exchange.enter, admitted=admitted)
    else:
        call = exchange.enter(admitted=admitted)
    return call if isinstance(call, Rendered) else await _handle(exchange, call)


async def _handle(exchange: Exchange, call: Call) -> Outcome:
    handler = cast("Callable[[Call], Awaitable[Result]]", exchange.endpoint.route.handler)
    try:
        with bind(**exchange.ids()):
            result = await handler(call)
        if exchange.claim is None:
            return exchange.settle(result)
        return await on_thread(exchange.settle, result)
    except BaseException:
        if exchange.claim is not None:
            await on_thread(exchange.give_up)
        raise
