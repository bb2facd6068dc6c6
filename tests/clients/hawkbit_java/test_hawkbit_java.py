"""hawkBit's own interfaces and models in Java, through Feign as its examples use them: what its demonstration does, from start to end."""

import pathlib
import subprocess

PLACE = pathlib.Path(__file__).parent
BUILT = PLACE.parents[2] / "target/hawkbit-java"


def test_hawkbits_demonstration_runs_with_its_simulated_devices(server):
    built = subprocess.run(["mvn", "-q", "-B", "package"], cwd=PLACE, capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stdout[-4000:]
    classes = f"{BUILT}/hawkbit-java-1.jar:{BUILT}/lib/*"
    demo = ["java", "-XX:TieredStopAtLevel=1", "-cp", classes, "client.Demo", server.http, "admin", server.password]
    ran = subprocess.run(demo, capture_output=True, text=True, timeout=300)
    assert (ran.returncode, ran.stdout.strip()) == (0, "done"), ran.stderr[-4000:]
