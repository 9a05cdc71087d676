{{/* Labels of every object. The first is in the kustomize base too; the others are Helm's. */}}
{{- define "migrate-io.labels" -}}
app.kubernetes.io/name: migrate-io
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Names are fixed, since there is one installation in a cluster; so these select it. */}}
{{- define "migrate-io.selector" -}}
app.kubernetes.io/name: migrate-io
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "migrate-io.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "migrate-io.controllerUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:migrate-io-controller
{{- end }}

{{/* Namespaces that no webhook and no policy about Deployments serves, whatever their labels. */}}
{{- define "migrate-io.neverServed" -}}
- key: kubernetes.io/metadata.name
  operator: NotIn
  values: [kube-system, {{ .Release.Namespace }}]
{{- with .Values.webhook.namespaceExpressions }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "migrate-io.tlsSecret" -}}
{{- if eq .Values.certificates.mode "own" }}{{ .Values.certificates.own.secretName }}{{ else }}migrate-io-webhook-tls{{ end }}
{{- end }}

{{- define "migrate-io.caBundle" -}}
{{- if eq .Values.certificates.mode "own" }}
caBundle: {{ required "certificates.own.caBundle is required with certificates.mode own: the authority of your certificate, PEM in base64" .Values.certificates.own.caBundle | nospace }}
{{- end }}
{{- end }}

{{- define "migrate-io.podSecurityContext" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "migrate-io.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* What both roles take from their part of the values. */}}
{{- define "migrate-io.scheduling" -}}
topologySpreadConstraints:
{{- with .role.topologySpreadConstraints }}
  {{- toYaml . | nindent 2 }}
{{- else }}
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "migrate-io.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- with .role.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .role.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .role.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .role.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "migrate-io.podMetadata" -}}
labels:
  {{- include "migrate-io.selector" . | nindent 2 }}
  {{- with .role.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  kubectl.kubernetes.io/default-container: {{ .component }}
  {{- with .role.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "migrate-io.probes" -}}
readinessProbe:
  httpGet:
    path: /readyz
    port: metrics
    scheme: HTTP
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
livenessProbe:
  httpGet:
    path: /healthz
    port: metrics
    scheme: HTTP
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{- define "migrate-io.budget" -}}
{{- if .role.podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: migrate-io-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "migrate-io.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ .role.podDisruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "migrate-io.selector" . | nindent 6 }}
{{- end }}
{{- end }}

{{- define "migrate-io.apiServerEgress" -}}
- ports:
    {{- range .Values.networkPolicy.apiServerPorts }}
    - port: {{ . }}
      protocol: TCP
    {{- end }}
  {{- with .Values.networkPolicy.apiServerCidrs }}
  to:
    {{- range . }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
  {{- end }}
{{- end }}
