"""What `transformers serve` leaves open, closed: the ASGI layer between the socket and the server. Standard library alone.

The server takes one request at a time and any number in its queue, knows its model by a path, ends a stream without a
last word, answers errors in a form of its own, and has paths that load other models.
"""

import asyncio
import contextvars
import json

# Whether the request that is answered wants as many words as it may have, which the server has no field for.
ENDLESS = contextvars.ContextVar("ENDLESS", default=False)

# The server's name for the folder that it was started in.
OWN_NAME = "."
OWN_NAME_IN_ANSWERS = b'"model":".@main"'

ROUTES = {
    "/health": "GET",
    "/version": "GET",
    "/v1/models": "GET",
    "/v1/chat/completions": "POST",
    "/v1/completions": "POST",
}

# The server hands these to Jinja and to the tokenizer as they come; the rest are the template's own variables.
CLOSED_TEMPLATE_KEYS = {
    "add_generation_prompt",
    "chat_template",
    "continue_final_message",
    "conversation",
    "documents",
    "load_audio_from_video",
    "max_length",
    "padding",
    "processor_kwargs",
    "return_assistant_tokens_mask",
    "return_dict",
    "return_tensors",
    "tokenize",
    "tokenizer_kwargs",
    "tools",
    "truncation",
}


class Refusal(Exception):
    """An answer in OpenAI's form instead of the server's."""

    def __init__(self, status, message, code):
        super().__init__(message)
        kind = "server_error" if status >= 500 else "invalid_request_error"
        self.status = status
        self.body = json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()


class Door:
    """`queue` counts the requests that wait behind the one that is answered."""

    def __init__(self, app, name, queue, version):
        self.app = app
        self.name = name
        self.queue = queue
        self.version = version
        self.waiting = 0
        self.turn = asyncio.Lock()

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            await self.answer(scope, receive, send)
        except Refusal as refusal:
            await respond(send, refusal.status, refusal.body)

    async def answer(self, scope, receive, send):
        path = scope["path"]
        if path not in ROUTES:
            raise Refusal(404, "This server does not have that path.", "unknown_url")
        if scope["method"] != ROUTES[path]:
            raise Refusal(405, f"This path takes {ROUTES[path]}.", "method_not_allowed")
        if path == "/health":
            return await self.app(scope, receive, send)
        if path == "/version":
            return await respond(send, 200, json.dumps({"version": self.version}).encode())
        if path == "/v1/models":
            models = [{"id": self.name, "object": "model", "created": 0, "owned_by": "transformers"}]
            return await respond(send, 200, json.dumps({"object": "list", "data": models}, separators=(",", ":")).encode())
        body = await whole_body(receive)
        if body is None:
            return None
        request = self.checked(path, body)
        if self.waiting > self.queue:
            raise Refusal(503, "Too many requests are waiting; try again shortly.", "service_unavailable")
        self.waiting += 1
        try:
            await self.in_turn(scope, request, receive, send)
        finally:
            self.waiting -= 1

    def checked(self, path, body):
        """The request as the server takes it."""
        try:
            request = json.loads(body)
        except (ValueError, RecursionError):
            raise Refusal(400, "The body is no JSON.", "invalid_json") from None
        if not isinstance(request, dict):
            raise Refusal(400, "The body is no JSON object.", "invalid_json")
        if request.get("model", self.name) != self.name:
            raise Refusal(404, f"The model {request['model']!r} does not exist; /v1/models names what does.", "model_not_found")
        if "generation_config" in request:
            raise Refusal(400, "generation_config is not taken from clients.", "invalid_request")
        if path == "/v1/chat/completions":
            check_messages(request.get("messages"))
            template = request.get("chat_template_kwargs", {})
            if not isinstance(template, dict) or CLOSED_TEMPLATE_KEYS & template.keys():
                raise Refusal(400, "chat_template_kwargs may hold the variables of the model's own template alone.", "invalid_request")
        if not isinstance(request.get("ignore_eos"), (bool, type(None))):
            raise Refusal(400, "ignore_eos is true or false.", "invalid_request")
        if request.get("logit_bias") is not None:
            request["logit_bias"] = biases(request["logit_bias"])
        request["model"] = OWN_NAME
        return request

    async def in_turn(self, scope, request, receive, send):
        """Waits, runs the server, and gives both up when the client hangs up."""
        gone = asyncio.ensure_future(hung_up(receive))
        work = asyncio.ensure_future(self.run(scope, request, gone, send))
        try:
            await asyncio.wait({gone, work}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
            try:
                await work
            except asyncio.CancelledError:
                if not gone.done():
                    raise
        finally:
            work.cancel()
            gone.cancel()

    async def run(self, scope, request, gone, send):
        async with self.turn:
            answer = Answer(self.name, send)
            ENDLESS.set(bool(request.pop("ignore_eos", None)))
            headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
            body = json.dumps(request).encode()
            scope = {**scope, "headers": [*headers, (b"content-length", str(len(body)).encode())]}
            try:
                await self.app(scope, replayed(body, gone), answer.pass_on)
            except Exception:
                if answer.started:
                    raise
                await answer.fail(500, None)
                raise


class Answer:
    """The server's messages as clients get them: the model's public name, OpenAI's errors, a last word for a stream."""

    def __init__(self, name, send):
        self.public_name = b'"model":' + json.dumps(name).encode()
        self.send = send
        self.start = None
        self.held = b""
        self.started = False
        self.finished = False

    async def pass_on(self, message):
        if message["type"] == "http.response.start":
            self.start = message
            if self.is_stream():
                self.started = True
                await self.send(message)
            return
        body = message.get("body", b"").replace(OWN_NAME_IN_ANSWERS, self.public_name)
        more = message.get("more_body", False)
        if self.is_stream():
            self.finished = self.finished or b'"finish_reason":"' in body
            if not more and self.finished:
                body += b"data: [DONE]\n\n"
            await self.send({**message, "body": body})
            return
        self.held += body
        if more:
            return
        if self.start["status"] >= 400:
            await self.fail(self.start["status"], self.held)
        else:
            self.started = True
            await respond(self.send, self.start["status"], self.held)

    def is_stream(self):
        kinds = [value for name, value in self.start["headers"] if name.lower() == b"content-type"]
        return any(kind.startswith(b"text/event-stream") for kind in kinds)

    async def fail(self, status, body):
        """The server words an error of the client's as `detail`; what is its own is in its log."""
        self.started = True
        try:
            detail = json.loads(body)["detail"] if body and status < 500 else None
        except (ValueError, KeyError, TypeError):
            detail = None
        message = detail if isinstance(detail, str) else "The model failed on this request."
        # Fields that it does not know are 422 to the server, 400 to OpenAI's clients.
        refusal = Refusal(400 if status == 422 else status, message, "invalid_request" if status < 500 else "engine_error")
        await respond(self.send, refusal.status, refusal.body)


def check_messages(messages):
    """The server takes their form on trust, and reads images from paths and addresses that they name."""
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "messages must be a list of at least one message.", "invalid_request")
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise Refusal(400, "Each message needs a role.", "invalid_request")
        content = message.get("content")
        parts = content if isinstance(content, list) else []
        if content is not None and not isinstance(content, (str, list)):
            raise Refusal(400, "A message's content is a text or a list of parts.", "invalid_request")
        for part in parts:
            if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
                raise Refusal(400, "This endpoint takes parts of the type text alone.", "invalid_request")


def biases(given):
    """The server wants fractions, and OpenAI's clients send whole numbers."""
    try:
        return {str(int(token)): float(bias) for token, bias in given.items()}
    except (AttributeError, TypeError, ValueError):
        raise Refusal(400, "logit_bias is a mapping of token numbers to numbers.", "invalid_request") from None


async def whole_body(receive):
    """None where the client hung up before its end."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


async def hung_up(receive):
    while (await receive())["type"] != "http.disconnect":
        pass


def replayed(body, gone):
    """A `receive` for the server: the changed body, then the client's hang-up."""
    rest = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        if rest:
            return rest.pop()
        await asyncio.shield(gone)
        return {"type": "http.disconnect"}

    return receive


async def respond(send, status, body):
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
