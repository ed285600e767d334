"""Starts MiniStack as the hub account of the local cloud.

Nine things are changed from outside, none of which changes what it answers to
an AWS client, but for the last but one:

- Lines that a Lambda function prints also go to a file of its own.
- GET /_evenkeel/pid answers with the process's id, by which the supervisor knows
  that it speaks to the MiniStack that it started.
- POST /_evenkeel/events puts complete events on an event bus. PutEvents may
  not: it refuses sources that begin with "aws." and sets account, id and time
  itself, as AWS does, but the local cloud plays the AWS services whose events
  those are.
- EventBridge invokes functions asynchronously, so that a failed event is tried
  again as the function's EventInvokeConfig says. Stock MiniStack tries once.
- The Lambda Runtime API answers without Nagle's algorithm, which makes every
  invocation wait 40 ms for a delayed acknowledgement.
- Step Functions writes the states inside a Map into the execution's history, as
  AWS does. Stock MiniStack leaves them out.
- Step Functions ends a task at its TimeoutSecondsPath. Stock MiniStack knows
  TimeoutSeconds only, and would wait for a lost event for a day.
- An alias with weights sends its invocations to both versions. Stock MiniStack
  keeps the weights and sends all to the first.
- The process ends when the one that started it does.
"""

import json
import os
import pathlib
import queue
import random
import re
import signal
import socketserver
import sys
import threading
import time

EVENTS_PATH = "/_evenkeel/events"
PID_PATH = "/_evenkeel/pid"
LOGS = os.environ.pop("EVENKEEL_LOGS", "")
PARENT = int(os.environ.pop("EVENKEEL_PARENT", "0"))


def end_with_parent():
    """Ends the process once it has another parent than the supervisor."""

    def watch():
        while os.getppid() == PARENT:
            time.sleep(0.5)
        os.killpg(os.getpgid(0), signal.SIGKILL)

    if PARENT:
        threading.Thread(target=watch, daemon=True, name="evenkeel-parent").start()


def write_function_logs(runtime):
    """Copies what functions print to LOGS/lambda-<name>.log."""
    pump = runtime.ProvidedWorker._pump_output

    class Tee(queue.Queue):
        def __init__(self, inner, path):
            super().__init__()
            self.inner, self.path = inner, path

        def put_nowait(self, line):
            with open(self.path, "a", encoding="utf-8") as log:
                log.write(line + "\n")
            self.inner.put_nowait(line)

        def get_nowait(self):
            return self.inner.get_nowait()

    def pump_and_write(self, stream, log_queue):
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", self.func_name.rsplit(":", 1)[-1])
        pump(self, stream, Tee(log_queue, pathlib.Path(LOGS, f"lambda-{name}.log")))

    runtime.ProvidedWorker._pump_output = pump_and_write


def dispatch_asynchronously():
    """Replaces EventBridge's one-shot call of a function by the path that
    InvokeFunction with InvocationType Event takes: retries, then OnFailure.

    Source: EventBridge user guide, "Amazon EventBridge targets": Lambda functions
    are invoked asynchronously.
    """
    from ministack.services import eventbridge, lambda_svc

    def dispatch(arn, payload):
        try:
            event = json.loads(payload)
        except (ValueError, TypeError):
            event = {"body": payload}
        func, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not func or not config:
            eventbridge.logger.warning("EventBridge -> Lambda: function %s not found", name)
            return
        lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(func, config), event)

    eventbridge._dispatch_to_lambda = dispatch


def record_states_of_maps():
    """Adds StateEntered events for the states of an iteration.

    Source: Step Functions API reference, HistoryEvent, StateEnteredEventDetails.
    """
    from ministack.services import stepfunctions

    run, running = stepfunctions._run_sub_machine, threading.local()

    def run_sub_machine(states, start_at, input_data, execution, ctx):
        outer, running.execution = getattr(running, "execution", None), execution
        try:
            return run(states, start_at, input_data, execution, ctx)
        finally:
            running.execution = outer

    def recorded(kind, handler):
        def handle(state, data, *rest):
            execution, ctx = getattr(running, "execution", None), rest[-1]
            if execution is not None and "Map" in ctx:
                details = {"name": ctx["State"]["Name"], "input": json.dumps(data)}
                stepfunctions._add_event(execution, kind + "StateEntered", {"stateEnteredEventDetails": details})
            return handler(state, data, *rest)

        return handle

    stepfunctions._run_sub_machine = run_sub_machine
    for kind in ("Task", "Choice", "Pass", "Wait"):
        name = "_execute_" + kind.lower()
        setattr(stepfunctions, name, recorded(kind, getattr(stepfunctions, name)))


def end_tasks_at_timeout_path():
    """Puts the number that TimeoutSecondsPath leads to in place of TimeoutSeconds.

    Source: Amazon States Language, "Task state", TimeoutSecondsPath.
    """
    from ministack.services import stepfunctions

    execute = stepfunctions._execute_task

    def execute_task(state, raw_input, execution, ctx):
        path = state.get("TimeoutSecondsPath")
        if path:
            seconds = stepfunctions._resolve_path(path, raw_input)
            state = {**state, "TimeoutSeconds": seconds}
        return execute(state, raw_input, execution, ctx)

    stepfunctions._execute_task = execute_task


def split_aliases():
    """Invokes one of the versions of an alias, drawn by their weights.

    Source: Lambda developer guide, "Implement Lambda canary deployments using a
    weighted alias": a simple probabilistic model distributes the traffic.
    """
    from ministack.services import lambda_svc

    stock = lambda_svc._invoke

    def drawn(name, qualifier):
        alias = (lambda_svc._functions.get(name) or {}).get("aliases", {}).get(qualifier)
        share = random.random()
        for version, weight in ((alias or {}).get("RoutingConfig") or {}).get("AdditionalVersionWeights", {}).items():
            share -= weight
            if share < 0:
                return version
        return qualifier

    async def invoke(name, event, headers, path_qualifier=None, query_params=None):
        qualifier = path_qualifier or lambda_svc._qp_first(query_params or {}, "Qualifier") or headers.get("x-amz-qualifier")
        return await stock(name, event, headers, drawn(name, qualifier), query_params)

    lambda_svc._invoke = invoke


def put_events(bus, account, region, events):
    """Dispatches complete events to the rules of a bus. They are
    EventBridge's own envelopes: id, source, detail-type, account, time (in
    seconds), region, resources and detail."""
    from ministack.core.responses import request_scope
    from ministack.services import eventbridge

    with request_scope(account, region):
        for event in events:
            record = {
                "EventId": event["id"],
                "Source": event["source"],
                "DetailType": event["detail-type"],
                "Detail": json.dumps(event["detail"]),
                "EventBusName": bus,
                "Time": event["time"],
                "Resources": event.get("resources") or [],
                "Account": event["account"],
                "Region": event["region"],
            }
            eventbridge._events_log_list().append(record)
            view = eventbridge._pattern_event_view(record)
            eventbridge._dispatch_event(record, view)
            eventbridge._archive_event(record, view)


def with_routes(app):
    """Adds the routes of the local cloud in front of the ASGI application."""
    import asyncio

    async def answer(send, status, value):
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(value).encode()})

    async def read(receive):
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return body

    async def handle(scope, receive, send):
        path = scope["path"] if scope["type"] == "http" else ""
        if path == PID_PATH:
            await answer(send, 200, {"pid": os.getpid()})
        elif path == EVENTS_PATH:
            try:
                request = json.loads(await read(receive))
                await asyncio.to_thread(put_events, request["bus"], request["account"], request["region"], request["events"])
                await answer(send, 200, {})
            except (ValueError, KeyError, TypeError) as fault:
                await answer(send, 400, {"error": f"{type(fault).__name__}: {fault}"})
        else:
            await app(scope, receive, send)

    return handle


def main():
    end_with_parent()
    from ministack import app
    from ministack.core import lambda_runtime

    if LOGS:
        write_function_logs(lambda_runtime)
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    dispatch_asynchronously()
    record_states_of_maps()
    end_tasks_at_timeout_path()
    split_aliases()
    app.app = with_routes(app.app)
    sys.argv = sys.argv[:1]
    app.main()


if __name__ == "__main__":
    main()
