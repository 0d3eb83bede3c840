"""gunicorn's settings."""

from config import settings

wsgi_app = "config.wsgi"
bind = f"0.0.0.0:{settings.PORT}"
worker_class = "gthread"
workers = settings.WEB_CONCURRENCY
threads = 4

# Loaded before the workers fork: an application that can't load ends the container instead of restarting workers.
preload_app = True

# The only place that has to be writable, and it is one on a read-only root file system too.
worker_tmp_dir = "/dev/shm"  # noqa: S108
control_socket_disable = True

# SIGTERM stops accepting and lets requests finish. ECS kills 30 seconds after it.
graceful_timeout = 25

# Longer than the 60 seconds after which a load balancer drops an idle connection. Were it shorter, the load balancer
# would now and then send a request on a connection that is just being closed, and answer 502.
keepalive = 65

# %(L)s is the time that the request took, in seconds; X-Forwarded-For is the client as the load balancer saw it.
accesslog = "-"
access_log_format = '%(t)s %({x-forwarded-for}i)s "%(r)s" %(s)s %(b)sB %(L)ss "%(a)s"'
