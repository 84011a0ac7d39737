"""What the suite of prometheus_flask_exporter imports by this name: its source package lacks the module."""
import unittest

import flask
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from prometheus_flask_exporter import PrometheusMetrics


def _version():
    from importlib.metadata import version
    return tuple(int(part) for part in version("flask").split(".")[:2])


class BaseTestCase(unittest.TestCase):
    """An application with a client, and questions about what it exposes."""

    def setUp(self):
        self.app = flask.Flask(__name__)
        self.app.testing = True
        self.client = self.app.test_client()

    def metrics(self, **more):
        return PrometheusMetrics(self.app, registry=CollectorRegistry(auto_describe=True), **more)

    def _values(self, name, labels, endpoint):
        wanted = {label: str(value) for label, value in labels}
        text = self.client.get(endpoint).data.decode()
        return [repr(sample.value) for family in text_string_to_metric_families(text) for sample in family.samples
                if sample.name == name and sample.labels == wanted]

    def assertMetric(self, name, value, *labels, endpoint="/metrics"):
        """value: a number, or a regular expression of one."""
        found = self._values(name, labels, endpoint)
        self.assertEqual(len(found), 1, f"{name} {labels}")
        self.assertRegex(found[0], f"^{value}" if value != "." else ".")

    def assertAbsent(self, name, *labels, endpoint="/metrics"):
        self.assertEqual(self._values(name, labels, endpoint), [], f"{name} {labels}")

    def assumeMinimumFlaskVersion(self, wanted):
        if _version() < tuple(int(part) for part in wanted.split(".")[:2]):
            self.skipTest(f"Flask {wanted} or later is wanted")

    def assumeBeforeFlaskVersion(self, wanted):
        if _version() >= tuple(int(part) for part in wanted.split(".")[:2]):
            self.skipTest(f"a Flask before {wanted} is wanted")
