{{- /* The labels of every object and pod. */ -}}
{{- define "netattach.labels" -}}
app.kubernetes.io/name: netattach
app.kubernetes.io/part-of: netattach
app.kubernetes.io/version: {{ .Chart.AppVersion }}
{{- end -}}

{{- /* The facts of the platform: those of kubernetes.yaml, where it has others its own, and what the values override. */ -}}
{{- define "netattach.platform" -}}
{{- $facts := .Files.Get "platforms/kubernetes.yaml" | fromYaml -}}
{{- range $fact, $value := .Files.Get (printf "platforms/%s.yaml" .Values.platform) | fromYaml -}}
{{- $_ := set $facts $fact $value -}}
{{- end -}}
{{- range $fact, $value := .Values.node -}}
{{- if not (kindIs "invalid" $value) }}{{ $_ := set $facts $fact $value }}{{ end -}}
{{- end -}}
{{- if not (kindIs "invalid" .Values.pluginInstaller.enabled) }}{{ $_ := set $facts "installPlugins" .Values.pluginInstaller.enabled }}{{ end -}}
{{- toYaml $facts -}}
{{- end -}}

{{- /* The reference of the image of all programs. */ -}}
{{- define "netattach.image" -}}
{{- include "netattach.reference" (list . .Values.image) -}}
{{- end -}}

{{- /* The reference of the image that has the reference plugins too. */ -}}
{{- define "netattach.pluginsImage" -}}
{{- include "netattach.reference" (list . .Values.pluginInstaller.image) -}}
{{- end -}}

{{- /* The reference of an image with this repository, tag and digest; all images are in one registry. */ -}}
{{- define "netattach.reference" -}}
{{- $root := first . }}{{ $image := last . -}}
{{- with $root.Values.image.registry }}{{ . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default $root.Chart.AppVersion }}{{ end -}}
{{- end -}}

{{- /* The mounts of the plugins, at their paths on the node, from the platform's facts. */ -}}
{{- define "netattach.binaryMounts" -}}
{{- range $index, $path := .binDirs }}
- name: cni-binaries{{ if $index }}-{{ $index }}{{ end }}
  mountPath: {{ $path }}
  readOnly: true
{{- end }}
{{- range $index, $path := .linkedDirs }}
- name: linked-binaries{{ if $index }}-{{ $index }}{{ end }}
  mountPath: {{ $path }}
  readOnly: true
{{- end }}
{{- end -}}

{{- /* The environment variable for another format of the log, if one is wanted. */ -}}
{{- define "netattach.logFormat" -}}
{{- if ne .Values.logFormat "text" -}}
- name: NETATTACH_LOG_FORMAT
  value: {{ .Values.logFormat }}
{{- end -}}
{{- end -}}

{{- /* Where operator and webhooks serve metrics to clients that may read them, if that is wanted. */ -}}
{{- define "netattach.metricsEnvironment" -}}
{{- if .Values.metrics.enabled -}}
- name: NETATTACH_METRICS
  value: ":8082"
{{- with .Values.metrics.tlsSecret }}
- name: NETATTACH_METRICS_TLS
  value: /etc/netattach-metrics
{{- end }}
{{- end -}}
{{- end -}}

{{- /* The volume of the certificate for metrics, and its mount, if there is one that the programs do not create themselves. */ -}}
{{- define "netattach.metricsVolume" -}}
{{- if and .Values.metrics.enabled .Values.metrics.tlsSecret -}}
- name: metrics-tls
  secret:
    secretName: {{ .Values.metrics.tlsSecret }}
{{- end -}}
{{- end -}}

{{- define "netattach.metricsMount" -}}
{{- if and .Values.metrics.enabled .Values.metrics.tlsSecret -}}
- name: metrics-tls
  mountPath: /etc/netattach-metrics
  readOnly: true
{{- end -}}
{{- end -}}

{{- /* Who may connect to the metrics of operator and webhooks. */ -}}
{{- define "netattach.metricsIngress" -}}
{{- if .Values.metrics.enabled -}}
- ports:
    - port: 8082 # metrics
  {{- with .Values.metrics.namespaces }}
  from:
    - namespaceSelector:
        matchExpressions:
          - key: kubernetes.io/metadata.name
            operator: In
            values: {{ toJson . }}
  {{- end }}
{{- else -}}
- ports:
    - port: 8081 # health and metrics
{{- end -}}
{{- end -}}
