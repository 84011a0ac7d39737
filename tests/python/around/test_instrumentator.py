"""A suite for prometheus-fastapi-instrumentator, whose packages have none: run by test_suites.py, under pytest, as its
users' tests are."""
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CONTENT_TYPE_LATEST, Counter, REGISTRY
from prometheus_fastapi_instrumentator import Instrumentator, metrics


@pytest.fixture(autouse=True)
def empty_registry():
    """Each test makes its metrics anew, as the library's users have it."""
    for collector in list(REGISTRY._collector_to_names):
        REGISTRY.unregister(collector)


def application():
    app = FastAPI()

    @app.get("/items/{number}")
    def item(number: int):
        return {"number": number}

    @app.post("/items")
    def create():
        return "created"

    @app.get("/broken")
    def broken():
        raise ValueError("on purpose")

    return app


def value(name, **labels):
    return REGISTRY.get_sample_value(name, labels)


def test_requests_are_counted_by_handler_and_group_of_status():
    app = application()
    Instrumentator().instrument(app).expose(app)
    client = TestClient(app)
    for number in range(3):
        client.get(f"/items/{number}")
    client.post("/items")
    client.get("/nowhere")
    assert value("http_requests_total", handler="/items/{number}", method="GET", status="2xx") == 3
    assert value("http_requests_total", handler="/items", method="POST", status="2xx") == 1
    assert value("http_requests_total", handler="none", method="GET", status="4xx") == 1
    assert value("http_request_duration_seconds_count", handler="/items/{number}", method="GET") == 3


def test_the_endpoint_shows_what_was_counted():
    app = application()
    Instrumentator().instrument(app).expose(app)
    client = TestClient(app)
    client.get("/items/1")
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"] == CONTENT_TYPE_LATEST
    assert 'http_requests_total{handler="/items/{number}",method="GET",status="2xx"} 1.0' in answer.text


def test_status_codes_stay_apart_where_that_is_asked():
    app = application()
    Instrumentator(should_group_status_codes=False).instrument(app)
    client = TestClient(app, raise_server_exceptions=False)
    client.get("/items/1")
    client.get("/items/x")
    client.get("/broken")
    assert value("http_requests_total", handler="/items/{number}", method="GET", status="200") == 1
    assert value("http_requests_total", handler="/items/{number}", method="GET", status="422") == 1
    assert value("http_requests_total", handler="/broken", method="GET", status="500") == 1


def test_excluded_and_untemplated_paths_are_left_out():
    app = application()
    Instrumentator(should_ignore_untemplated=True, excluded_handlers=["/items/.*"]).instrument(app)
    client = TestClient(app)
    client.get("/items/1")
    client.get("/nowhere")
    client.post("/items")
    assert value("http_requests_total", handler="/items/{number}", method="GET", status="2xx") is None
    assert value("http_requests_total", handler="none", method="GET", status="4xx") is None
    assert value("http_requests_total", handler="/items", method="POST", status="2xx") == 1


def test_requests_in_progress_go_back_to_none():
    app = application()
    seen = []
    app.get("/during")(lambda: seen.append(value("in_progress", method="GET", handler="/during")))
    Instrumentator(should_instrument_requests_inprogress=True, inprogress_name="in_progress",
                   inprogress_labels=True).instrument(app)
    TestClient(app).get("/during")
    assert seen == [1] and value("in_progress", method="GET", handler="/during") == 0


def test_chosen_metrics_have_their_own_names():
    app = application()
    (Instrumentator().add(metrics.request_size(metric_namespace="shop", metric_subsystem="web"))
     .add(metrics.latency(buckets=(1, 2), metric_namespace="shop")).instrument(app))
    client = TestClient(app)
    client.post("/items", content=b"12345")
    assert value("shop_web_http_request_size_bytes_sum", handler="/items", method="POST", status="2xx") == 5
    assert value("shop_http_request_duration_seconds_bucket", handler="/items", method="POST", status="2xx",
                 le="2.0") == 1


def test_a_metric_of_the_programs_own_is_told_of_each_request():
    app, counter = application(), Counter("own_requests", "O.", ["method"])
    Instrumentator().add(lambda info: counter.labels(info.method).inc()).instrument(app)
    client = TestClient(app)
    client.get("/items/1")
    client.post("/items")
    assert value("own_requests_total", method="GET") == value("own_requests_total", method="POST") == 1


@pytest.mark.parametrize("time", range(3))
def test_the_same_metric_made_again_begins_at_zero(time):
    app = application()
    Instrumentator().instrument(app)
    TestClient(app).get("/items/1")
    assert value("http_requests_total", handler="/items/{number}", method="GET", status="2xx") == 1
