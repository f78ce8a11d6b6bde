"""Has some requests succeed that chance would never make good ones.

schemathesis makes requests from the OpenAPI document, but a refresh token, a password and a client's
secret are none that it could think of. Every second good request to the endpoints below is given
genuine ones here, so that the answers to what succeeds are compared with the document too; one that
does not succeed is an error.
"""

import base64
import itertools
import json
import os
import urllib.request

import schemathesis

BASE = os.environ["CONTRACT_BASE"]
USERNAME = os.environ["CONTRACT_USERNAME"]
PASSWORD = os.environ["CONTRACT_PASSWORD"]
CLIENT = os.environ["CONTRACT_CLIENT"]

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
CREDENTIALS = {"username": USERNAME, "password": PASSWORD}

counts = {}
names = itertools.count()
genuine = {}


def login():
    """Tokens of a session that nothing else uses."""
    request = urllib.request.Request(
        BASE + "/auth/login",
        data=json.dumps(CREDENTIALS).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def refresh():
    body = {"grant_type": "refresh_token", "refresh_token": login()["refresh_token"]}
    return {}, body, 200


def introspect():
    basic = base64.b64encode(CLIENT.encode()).decode()
    return {"Authorization": "Basic " + basic}, {"token": login()["access_token"]}, 200


def log_in_with_cookies():
    return SAME_ORIGIN, CREDENTIALS | {"cookies": True}, 200


def register():
    name = "contract" + str(next(names))
    return {}, {"username": name, "password": PASSWORD}, 201


GENUINE = {
    "/auth/introspect": introspect,
    "/auth/login": log_in_with_cookies,
    "/auth/register": register,
    "/auth/token": refresh,
}


def is_good(case):
    return case.meta is None or case.meta.generation.mode.is_positive


@schemathesis.hook
def before_call(context, case, kwargs):
    make = GENUINE.get(case.operation.path)
    if make is None or case.method != "POST" or not is_good(case):
        return
    path = case.operation.path
    counts[path] = counts.get(path, 0) + 1
    if counts[path] % 2 == 0:
        return
    headers, body, status = make()
    case.headers.update(headers)
    case.cookies.clear()
    case.body = body
    genuine[case.id] = status


@schemathesis.hook
def after_call(context, case, response):
    status = genuine.pop(case.id, response.status_code)
    if response.status_code != status:
        told = f"{case.operation.path} answered {response.status_code} to a genuine request"
        raise AssertionError(f"{told}: {response.text}")
