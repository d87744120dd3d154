package api

import (
	"encoding/json"
	"time"
)

// Frame is the result of one attempt, as an agent reports it to the run server (src/api/sandbox.h).
type Frame struct {
	RunUID  string          `json:"runUid"`
	Attempt int64           `json:"attempt"`
	Exit    Exit            `json:"exit"`
	Stdout  Stream          `json:"stdout"`
	Stderr  Stream          `json:"stderr"`
	Outputs json.RawMessage `json:"outputs,omitempty"`
	Error   *RunError       `json:"error,omitempty"`
	Warning string          `json:"warning,omitempty"`
	Rings   string          `json:"rings,omitempty"`
}

// Exit says how the model's process ended.
type Exit struct {
	How        string     `json:"how"`
	Code       *int32     `json:"code,omitempty"`
	Signal     *int32     `json:"signal,omitempty"`
	StartedAt  *time.Time `json:"startedAt,omitempty"`
	FinishedAt *time.Time `json:"finishedAt,omitempty"`
}

// Stream is what is kept of an output stream.
type Stream struct {
	Head       string `json:"head"`
	Tail       string `json:"tail"`
	TotalBytes int64  `json:"totalBytes"`
}

// The interface of the run server.
const (
	AttemptsPrefix = "/v1/attempts/"
	DigestHeader   = "X-Modelrun-Sha256"
	TokenAudience  = "modelrun.dev/run-server"
	ServerName     = "run-server.modelrun.dev"
	AgentContainer = "agent"
	ModelContainer = "model"

	EnvRunServer     = "MODELRUN_RUN_SERVER"
	EnvRunServerName = "MODELRUN_RUN_SERVER_NAME"
	EnvRunServerCA   = "MODELRUN_RUN_SERVER_CA"
	EnvNamespace     = "MODELRUN_NAMESPACE"
	EnvRunName       = "MODELRUN_RUN_NAME"
	EnvRunID         = "MODELRUN_RUN_ID"
	EnvAttempt       = "MODELRUN_ATTEMPT"
)
