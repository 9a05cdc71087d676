// The peer of the admission benchmark: a mutating webhook as an engineer writes it with controller-runtime.
// Everything is controller-runtime's default except addresses, the certificate's folder and the metrics server, which is off.
package main

import (
	"flag"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

const host = "127.0.0.1"

func main() {
	port := flag.Int("port", 9443, "port of the webhook")
	readyAddress := flag.String("ready-address", "127.0.0.1:8081", "address of /readyz, plain HTTP")
	certDir := flag.String("cert-dir", "", "folder with tls.crt and tls.key")
	scriptFile := flag.String("script-file", "", "file with the text of the init container's script")
	flag.Parse()

	ctrl.SetLogger(zap.New())
	if err := run(*port, *readyAddress, *certDir, *scriptFile); err != nil {
		ctrl.Log.Error(err, "the webhook ended")
		os.Exit(1)
	}
}

func run(port int, readyAddress, certDir, scriptFile string) error {
	script, err := os.ReadFile(scriptFile)
	if err != nil {
		return err
	}

	scheme := runtime.NewScheme()
	if err := appsv1.AddToScheme(scheme); err != nil {
		return err
	}

	// A manager wants an API server's address, but nothing here ever calls it: no cache is read, no client used.
	mgr, err := manager.New(&rest.Config{Host: "https://127.0.0.1:1"}, manager.Options{
		Scheme:                 scheme,
		WebhookServer:          webhook.NewServer(webhook.Options{Host: host, Port: port, CertDir: certDir}),
		Metrics:                metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: readyAddress,
	})
	if err != nil {
		return err
	}
	server := mgr.GetWebhookServer() // asking for it makes the manager start it
	if err := mgr.AddReadyzCheck("webhook", server.StartedChecker()); err != nil {
		return err
	}
	server.Register("/mutate", &admission.Webhook{
		Handler: &injector{decoder: admission.NewDecoder(scheme), script: string(script)},
	})
	return mgr.Start(ctrl.SetupSignalHandler())
}
