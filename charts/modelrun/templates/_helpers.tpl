{{- define "modelrun.selector" -}}
app.kubernetes.io/name: modelrun
app.kubernetes.io/component: operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "modelrun.labels" -}}
{{ include "modelrun.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "modelrun.gateway.selector" -}}
app.kubernetes.io/name: modelrun
app.kubernetes.io/component: gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "modelrun.gateway.labels" -}}
{{ include "modelrun.gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "modelrun.image" -}}
{{- $name := index . 1 -}}
{{- required (printf "image.%s is required: give the name under which your cluster finds it, such as --set image.%s=registry.example.com/modelrun/%s:0.1.0" $name $name $name) (index (index . 0).Values.image $name) -}}
{{- end }}
