/**
 * The subset of containerd's gRPC API that a daemon needs, in our own words of its wire format
 * (containerd 1.6 api/services: containers, tasks, events, version). Field numbers are the contract.
 */
export const CONTAINERD_PROTO = `
syntax = "proto3";
package containerd;

message Any { string type_url = 1; bytes value = 2; }
message Empty {}
message Timestamp { int64 seconds = 1; int32 nanos = 2; }

message Container {
  message Runtime { string name = 1; Any options = 2; }
  string id = 1;
  map<string, string> labels = 2;
  string image = 3;
  Runtime runtime = 4;
  Any spec = 5;
}
message ContainerRequest { string id = 1; }
message ContainerEnvelope { Container container = 1; }
message ListContainersRequest { repeated string filters = 1; }
message ListContainersResponse { repeated Container containers = 1; }

message CreateTaskRequest {
  string container_id = 1;
  string stdin = 4;
  string stdout = 5;
  string stderr = 6;
  bool terminal = 7;
  Any options = 9;
  string runtime_path = 10;
}
message CreateTaskResponse { string container_id = 1; uint32 pid = 2; }
message ProcessRequest { string container_id = 1; string exec_id = 2; }
message StartResponse { uint32 pid = 1; }
message DeleteResponse { string id = 1; uint32 pid = 2; uint32 exit_status = 3; Timestamp exited_at = 4; }
message Process {
  string container_id = 1;
  string id = 2;
  uint32 pid = 3;
  int32 status = 4;
  uint32 exit_status = 9;
  Timestamp exited_at = 10;
}
message GetResponse { Process process = 1; }
message ListTasksRequest { string filter = 1; }
message ListTasksResponse { repeated Process tasks = 1; }
message KillRequest { string container_id = 1; string exec_id = 2; uint32 signal = 3; bool all = 4; }
message ExecRequest {
  string container_id = 1;
  string stdin = 2;
  string stdout = 3;
  string stderr = 4;
  bool terminal = 5;
  Any spec = 6;
  string exec_id = 7;
}
message ResizeRequest { string container_id = 1; string exec_id = 2; uint32 width = 3; uint32 height = 4; }
message CloseIORequest { string container_id = 1; string exec_id = 2; bool stdin = 3; }
message ProcessInfo { uint32 pid = 1; }
message ListPidsResponse { repeated ProcessInfo processes = 1; }
message UpdateRequest { string container_id = 1; Any resources = 2; }
message WaitResponse { uint32 exit_status = 1; Timestamp exited_at = 2; }

message RuncOptions { string binary_name = 6; string root = 7; bool systemd_cgroup = 9; }

message SubscribeRequest { repeated string filters = 1; }
message EventEnvelope { Timestamp timestamp = 1; string namespace = 2; string topic = 3; Any event = 4; }
message TaskOom { string container_id = 1; }

message VersionResponse { string version = 1; string revision = 2; }
`;

type Method = readonly [request: string, response: string, isStream?: boolean];

/** Service path → method → message names. */
export const CONTAINERD_SERVICES = {
  containers: {
    path: 'containerd.services.containers.v1.Containers',
    methods: {
      Create: ['ContainerEnvelope', 'ContainerEnvelope'],
      List: ['ListContainersRequest', 'ListContainersResponse'],
      Delete: ['ContainerRequest', 'Empty'],
    },
  },
  tasks: {
    path: 'containerd.services.tasks.v1.Tasks',
    methods: {
      Create: ['CreateTaskRequest', 'CreateTaskResponse'],
      Start: ['ProcessRequest', 'StartResponse'],
      Delete: ['ProcessRequest', 'DeleteResponse'],
      DeleteProcess: ['ProcessRequest', 'DeleteResponse'],
      Get: ['ProcessRequest', 'GetResponse'],
      List: ['ListTasksRequest', 'ListTasksResponse'],
      Kill: ['KillRequest', 'Empty'],
      Exec: ['ExecRequest', 'Empty'],
      ResizePty: ['ResizeRequest', 'Empty'],
      CloseIO: ['CloseIORequest', 'Empty'],
      Pause: ['ProcessRequest', 'Empty'],
      Resume: ['ProcessRequest', 'Empty'],
      ListPids: ['ProcessRequest', 'ListPidsResponse'],
      Update: ['UpdateRequest', 'Empty'],
      Wait: ['ProcessRequest', 'WaitResponse'],
    },
  },
  events: {
    path: 'containerd.services.events.v1.Events',
    methods: { Subscribe: ['SubscribeRequest', 'EventEnvelope', true] },
  },
  version: {
    path: 'containerd.services.version.v1.Version',
    methods: { Version: ['Empty', 'VersionResponse'] },
  },
} as const satisfies Record<string, { path: string; methods: Record<string, Method> }>;
