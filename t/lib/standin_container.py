"""Where containers get credentials: the endpoints of ECS and of EKS."""

from dataclasses import replace

from standin_http import json_reply
from standin_service import AwsError, Service

ROLE = "arn:aws:iam::111122223333:role/standin-task"
TASK = "0123456789abcdef0123456789abcdef"
LIFETIME = 6 * 3600

PATHS = ("/v1/credentials/", "/v2/credentials/")


class Container(Service):
    name = "container"
    operations = ("container",)

    def takes(self, request, settings):
        if (request.path + "/").startswith(PATHS):
            return True
        # Not whatever the method: the path may be "/", to which others POST.
        path = settings.get("container", self.name)
        return request.method == "GET" and request.path == path

    def operation(self, request):
        return self.name

    def serve(self, call):
        if call.request.method != "GET":
            raise AwsError("MethodNotAllowed", status=405)
        wanted = call.setting("authorization")
        if wanted and call.request.header("authorization") != wanted:
            raise AwsError("AccessDeniedException", status=403)

        def fields():
            credentials = call.credentials(ROLE, TASK, call.lifetime(LIFETIME))
            return {"RoleArn": ROLE, **credentials}

        return self.answered(call, fields, self.document)

    def error(self, name, status=None, message=None):
        message = message or f"{name} from the stand-in"
        reply = self.document({"code": name, "message": message})
        return replace(reply, status=status or 400)

    def document(self, fields):
        return json_reply(fields, content_type="application/json")

    def dressed(self, reply):
        return replace(reply, request_id=None)
