"""Prometheus over TLS with a password, OpenMetrics and gzip, while workers are killed."""

import json
import subprocess
import warnings

from servers import Prometheus, equal, main, need, note, test, wait_for

PASSWORD = "a long one: with a colon and a ß"


def certificate(folder):
    """A self-signed certificate for 127.0.0.1: (certificate file, key file)."""
    subprocess.run([need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2",
                    "-subj", "/CN=exporter", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder + "/key.pem",
                    "-out", folder + "/cert.pem"], check=True, capture_output=True)
    return folder + "/cert.pem", folder + "/key.pem"


def web_config(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it leaves Python with 3.13
        import crypt
        hashed = crypt.crypt(PASSWORD, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2 ** 5))
    certificate(folder)
    with open(folder + "/web.yml", "w", encoding="utf-8") as file:
        json.dump({"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem"},
                   "basic_auth_users": {"prom": hashed}}, file)
    return folder + "/web.yml"


@test
def prometheus_scrapes_openmetrics_over_tls_with_a_password(bench):
    need("prometheus")
    folder, name = bench.folder(), bench.name()
    workers = [bench.feeder(name, f"worker{i}") for i in range(3)]
    exporter = bench.exporter(f"--segment={name}", f"--web.config.file={web_config(folder)}")
    prometheus = Prometheus(bench, exporter, scheme="https", tls_config={"ca_file": folder + "/cert.pem"},
                            basic_auth={"username": "prom", "password": PASSWORD})
    requests = 0
    for turn in range(10):
        for i, worker in enumerate(workers):
            worker.do("requests", "GET", "200", 5 + i)
            requests += 5 + i
        victim = turn % len(workers)
        workers[victim].kill()
        workers[victim] = bench.feeder(name, f"worker{victim}")
        prometheus.wait_for_number("sum(shop_requests_total)", requests)
    prometheus.wait_for_number('sum(shmeter_exporter_scrapes_total{format="openmetrics",coding="gzip"}) > bool 0', 1)
    prometheus.look_at_a_scrape()
    equal(prometheus.number("max(resets(shop_requests_total[1h]))"), 0)
    equal(prometheus.query('shmeter_exporter_scrapes_total{format!="openmetrics"}'), {})
    note(f"{prometheus.was_up_all_along()} scrapes")


@test
def prometheus_with_a_wrong_password_is_told_so(bench):
    need("prometheus")
    folder = bench.folder()
    exporter = bench.exporter(f"--segment={bench.name()}", f"--web.config.file={web_config(folder)}")
    prometheus = Prometheus(bench, exporter, scheme="https", tls_config={"ca_file": folder + "/cert.pem"},
                            basic_auth={"username": "prom", "password": "guess"})
    wait_for(lambda: "401" in prometheus.target()["lastError"], "a refusal")
    equal(prometheus.number("sum(sum_over_time(up[1h]))"), 0, "scrapes that came through")


if __name__ == "__main__":
    main()
