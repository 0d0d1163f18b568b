"""Prints how the last run of a supervisor program ended: python -c "$(cat programEnd.py)" CONFIGURATION PROGRAM"""
import json
import sys

from supervisor.options import ClientOptions

configuration, program = sys.argv[1:3]
sys.argv = ["supervisorctl"]
options = ClientOptions()
options.realize(["-c", configuration])
server = options.getServerProxy().supervisor
info = server.getProcessInfo(program)
expected = [0]
for each in server.getAllConfigInfo():
    if program in (each["name"], "%s:%s" % (each["group"], each["name"])):
        expected = each.get("exitcodes", expected)
print(json.dumps({"start": info["start"], "stop": info["stop"], "exitStatus": info["exitstatus"], "expected": info["exitstatus"] in expected}))
