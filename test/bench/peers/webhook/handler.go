package main

import (
	"context"
	"encoding/json"
	"net/http"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

type injector struct {
	decoder admission.Decoder
	script  string
}

// Handle answers a review of a Deployment with the patch that injects its migration.
func (i *injector) Handle(_ context.Context, req admission.Request) admission.Response {
	deployment := &appsv1.Deployment{}
	if err := i.decoder.Decode(req, deployment); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}

	command := deployment.Annotations[commandAnnotation]
	if command == "" {
		return admission.Allowed("no " + commandAnnotation)
	}
	if len(deployment.Spec.Template.Spec.Containers) == 0 {
		return admission.Denied("the pod template has no container")
	}
	inject(deployment, i.script, command)

	changed, err := json.Marshal(deployment)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.PatchResponseFromRaw(req.Object.Raw, changed)
}
