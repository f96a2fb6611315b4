"""A scripted model server for tests: real HTTP, both providers' wires, no dependency but the standard library.

It answers `POST …/messages` as Anthropic's Messages API does and `POST …/chat/completions` as OpenAI's does,
streaming or not, keeps a record of every request, and can fail, stall, break off or wait at an exact moment.

Start it
    with FakeModel() as fake:            a thread of this process
        fake.url                         the base URL for an Anthropic client
        fake.openai_url                  the base URL for an OpenAI client (ends in /v1)
    with FakeModelProcess() as fake:     a process of its own, which outlives the death of whatever it serves
    python -m tests.fakes.model_server PORT      the same by hand; PORT 0 picks one; the URL is the first line printed

Both objects are a `FakeClient`, which speaks the control routes below; `FakeClient(url)` attaches to a running server.

What it answers: by default "hi word word …" of 20 tokens, one word a token. Directives in the newest user text (the
last user message that has text of its own, so not a tool result) change it. They may stand anywhere in the text:
    tokens:N         so many words
    ttft:MS gap:MS   wait before the first token, and between two
    say:"text"       answer this text instead (a JSON string; one token a word)
    think:"text"     a thinking block before it (signed on the Anthropic wire, `reasoning_content` on the other)
    tools:N          so many rounds of one tool call before the answer; a round is over once the request holds its call
    tool:NAME        call this tool (implies tools:1); without it the first tool the request offers
    input:{json}     the call's input; without it the least that the tool's schema requires
    parallel:N       so many calls in each round (implies tools:1)
    badjson          the calls' arguments are not valid JSON (implies tools:1)
    refuse           stop with a refusal
    stop:REASON      stop with this reason, as the wire of the request spells it
    echo             answer with JSON: {"model", "system", "messages": count, "tools": names, "tool_result": last text}
    cached:N         report so many input tokens as read from the cache, besides the usual input
    error:STATUS     fail with this HTTP status and the provider's error body; error:429x2 fails only the first two
                     requests that carry this very text, then answers
    retry:S          with error: a `retry-after` header of so many seconds
    leak             with error: the error's message repeats the credential that was received
    fail:N           after N tokens send the wire's own error event (overloaded) and end
    drop:N           after N tokens break the connection
    cut:N            after N tokens end the response in good order, but without its closing events
    hang, hang:N     after N tokens (default 0, the headers are sent) stall until the client goes away

Usage is exact: input 10 per request (plus cached:N), output one per word of text or thinking and one per tool call.

Control, over HTTP and as methods of `FakeClient`:
    GET  /_requests            `requests`: every request so far, oldest first, see below
    POST /_script [reply, …]   `script(reply, …)`: exact replies for the next model requests, first come first served.
        A reply is a list of Anthropic content blocks, or
        {"blocks": […], "stop_reason": "end_turn", "usage": {"input_tokens": …}, "ttft": MS, "gap": MS,
         "fail": N, "drop": N, "cut": N, "hang": N, "match": "text"} or
        {"error": {"status": 529, "message": "…", "type": "…", "headers": {…}}, "match": "text"} or
        {"raw": {"content_type": "text/html", "text": "…"}, "match": "text"}: status 200 and this, whatever was asked.
        A reply with `match` waits for a request whose newest user text contains it. A tool_use block may carry
        "raw_input": "text" to send that text as its arguments.
    POST /_hold                `hold(at="arrival")`, `hold(after_tokens=N)`, `hold(at="stop")`, each with `match=` too:
        from now on requests stop there: before anything is sent; after N tokens; when only the end is not yet sent
    GET  /_held                `held()`: how many requests stand at the gate; `wait_held(count)` waits for it
    POST /_release             `release()`: lets them go on and lifts the gate
    POST /_reset               `reset()`: forgets records, scripts, attempts and the gate

A record is {"id", "method", "path", "headers" (lower case), "body", "text" (newest user text), "stream", "status",
"connection", "arrived", "first_token", "last_token", "ended", "tokens", "disconnected"}. Times are
seconds of CLOCK_MONOTONIC, which all processes of a machine share. `disconnected` tells that the client left before
the answer was complete.
"""

from tests.fakes.model_server.client import FakeClient, FakeModel, FakeModelProcess

__all__ = ["FakeClient", "FakeModel", "FakeModelProcess"]
