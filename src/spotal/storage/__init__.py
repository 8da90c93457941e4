"""Files on disk: atomic writes, locks, and checks that outputs do not replace inputs."""
