package main

import (
	"encoding/json"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

const (
	commandAnnotation  = "migrate.io/command"
	injectedAnnotation = "migrate.io/injected"
	evictAnnotation    = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
	protocolLabel      = "migrate.io/protocol"

	containerName = "migrate-io"
	filesVolume   = "migrate-io"
	stateVolume   = "migrate-io-state"
	filesPath     = "/run/migrate.io"
	statePath     = "/run/migrate.io-state"
)

// inject adds the migration of the first container to a Deployment. Doing it twice is doing it once.
func inject(deployment *appsv1.Deployment, script, command string) {
	template := &deployment.Spec.Template
	strip(&template.Spec)

	app := &template.Spec.Containers[0]
	template.Spec.InitContainers = append(template.Spec.InitContainers, migration(app, script, command))
	template.Spec.Volumes = append(template.Spec.Volumes, volumes(deployment.Name)...)

	if template.Labels == nil {
		template.Labels = map[string]string{}
	}
	template.Labels[protocolLabel] = "1"
	if template.Annotations == nil {
		template.Annotations = map[string]string{}
	}
	template.Annotations[evictAnnotation] = stateVolume

	deployment.Spec.Strategy = appsv1.DeploymentStrategy{
		Type: appsv1.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDeployment{
			MaxSurge:       ptr.To(intstr.FromInt32(1)),
			MaxUnavailable: ptr.To(intstr.FromInt32(1)),
		},
	}
	if deployment.Annotations[injectedAnnotation] == "" {
		deployment.Annotations[injectedAnnotation] = injected(app.Name)
	}
}

// strip takes off what an earlier injection added.
func strip(pod *corev1.PodSpec) {
	pod.InitContainers = slices.DeleteFunc(pod.InitContainers, func(c corev1.Container) bool {
		return c.Name == containerName
	})
	pod.Volumes = slices.DeleteFunc(pod.Volumes, func(v corev1.Volume) bool {
		return v.Name == filesVolume || v.Name == stateVolume
	})
}

// migration is the init container. It spells the API server's defaults out, so that a stored one is not changed by a new one.
func migration(app *corev1.Container, script, command string) corev1.Container {
	mounts := slices.Clone(app.VolumeMounts)
	mounts = append(mounts,
		corev1.VolumeMount{Name: filesVolume, MountPath: filesPath, ReadOnly: true},
		corev1.VolumeMount{Name: stateVolume, MountPath: statePath},
	)
	return corev1.Container{
		Name:                     containerName,
		Image:                    app.Image,
		ImagePullPolicy:          app.ImagePullPolicy,
		Command:                  []string{"/bin/sh", "-c", script, containerName, "timeout=none"},
		Args:                     []string{"/bin/sh", "-c", "--", command},
		WorkingDir:               app.WorkingDir,
		Env:                      app.Env,
		EnvFrom:                  app.EnvFrom,
		Resources:                app.Resources,
		SecurityContext:          app.SecurityContext,
		VolumeMounts:             mounts,
		TerminationMessagePath:   "/dev/migrate.io-message",
		TerminationMessagePolicy: corev1.TerminationMessageReadFile,
	}
}

func volumes(deployment string) []corev1.Volume {
	field := func(path, fieldPath string) corev1.DownwardAPIVolumeFile {
		return corev1.DownwardAPIVolumeFile{
			Path:     path,
			FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: fieldPath},
		}
	}
	return []corev1.Volume{
		{
			Name: filesVolume,
			VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
				DefaultMode: ptr.To(corev1.ProjectedVolumeSourceDefaultMode),
				Sources: []corev1.VolumeProjection{
					{ConfigMap: &corev1.ConfigMapProjection{
						LocalObjectReference: corev1.LocalObjectReference{Name: "deployment." + deployment + ".migrate-io"},
						Optional:             ptr.To(true),
					}},
					{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{
						field("grant", "metadata.annotations['migrate.io/grant']"),
						field("revision", "metadata.labels['pod-template-hash']"),
					}}},
				},
			}},
		},
		{
			Name: stateVolume,
			VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{
				SizeLimit: ptr.To(resource.MustParse("1Mi")),
			}},
		},
	}
}

func injected(container string) string {
	text, _ := json.Marshal(struct {
		Version   string `json:"version"`
		Container string `json:"container"`
	}{"peer", container}) // two strings always marshal
	return string(text)
}
