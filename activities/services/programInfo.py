"""Tells everything of a supervisor program as JSON, after an order when one is asked for and its state calls for it.

python -c "$(cat programInfo.py)" CONFIGURATION PROGRAM [start|startWithoutWaiting|stop]

start and stop wait as supervisorctl does. "lived" is what an obeyed start proves: supervisord calls a program started after startsecs alone.
"""
import json
import sys

try:
    from supervisor.compat import xmlrpclib
    from supervisor.options import ClientOptions
except ImportError:
    sys.exit(97)

configuration, program = sys.argv[1:3]
order = sys.argv[3:]
sys.argv = ["supervisorctl"]
options = ClientOptions()
options.realize(["-c", configuration])
server = options.getServerProxy().supervisor
idle = ("STOPPED", "EXITED", "FATAL")
orders = {
    "start": (idle, lambda: server.startProcess(program)),
    "startWithoutWaiting": (idle, lambda: server.startProcess(program, False)),
    "stop": (("RUNNING", "STARTING", "BACKOFF"), lambda: server.stopProcess(program)),
}
calls_for, give = orders[order[0]] if order else ((), None)
ordered = server.getProcessInfo(program)["statename"] in calls_for
obeyed = False
if ordered:
    try:
        obeyed = give()
    except xmlrpclib.Fault:
        pass  # it ended at once, another was quicker, …: the state tells
info = server.getProcessInfo(program)
settings = {}
for each in server.getAllConfigInfo():
    if program in (each["name"], "%s:%s" % (each["group"], each["name"])):
        settings = each
print(json.dumps({
    "state": info["statename"],
    "description": info["description"],
    "processId": info["pid"],
    "start": info["start"],
    "stop": info["stop"],
    "exitStatus": info["exitstatus"],
    "expected": info["exitstatus"] in settings.get("exitcodes", [0]),
    "ordered": ordered,
    "lived": settings.get("startsecs", 0) if obeyed and order == ["start"] else 0,
}))
