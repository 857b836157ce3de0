"""
exec and port-forward of the pod `web` by Python's client. Each reads one frame at a time and asks the socket alone whether more has
come: where a server sends two frames at once, it waits for ever.
"""

from kubernetes import client, config
from kubernetes.stream import portforward, stream

config.load_kube_config()
core = client.CoreV1Api()


def execute(command, **options):
    flags = {"container": "app", "stdin": False, "stdout": True, "stderr": True, "tty": False, **options}
    return stream(core.connect_get_namespaced_pod_exec, "web", "default", command=command, **flags)


# To the end, ten times: whether frames come together is a matter of chance.
for _ in range(10):
    text = execute(["sh", "-c", "echo out; echo err >&2"])
    assert sorted(text.split()) == ["err", "out"], text

session = execute(["sh"], stdin=True, _preload_content=False)
session.write_stdin("echo hi; echo oh >&2\n")
assert session.readline_stdout(timeout=20) == "hi"
assert session.readline_stderr(timeout=20) == "oh"
session.write_stdin("exit 6\n")
session.run_forever()
assert session.returncode == 6, session.returncode

session = execute(["head", "-c", "2000000", "/dev/zero"], _preload_content=False)
session.run_forever()
assert session.returncode == 0
assert len(session.read_all()) == 2_000_000

forwarded = portforward(core.connect_get_namespaced_pod_portforward, "web", "default", ports="8080,81")
socket = forwarded.socket(8080)
socket.setblocking(True)
socket.sendall(b"GET /index.html HTTP/1.0\r\n\r\n")
answer = b""
while piece := socket.recv(4096):
    answer += piece
assert answer.endswith(b"hello\n"), answer
refused = forwarded.socket(81)
refused.setblocking(True)
assert refused.recv(10) == b""
assert "connection refused" in forwarded.error(81), forwarded.error(81)
