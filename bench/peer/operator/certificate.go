package operator

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"modelrun.dev/bench/peer/api"
)

const tlsSecret = "modelrun-peer-tls"

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// makeCertificate makes a certificate that is its own authority.
func makeCertificate() (map[string][]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: api.ServerName}, DNSNames: []string{api.ServerName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{corev1.TLSCertKey: pemOf("CERTIFICATE", certificate), corev1.TLSPrivateKeyKey: pemOf("PRIVATE KEY", private)}, nil
}

// EnsureCertificate reads the run server's certificate from its Secret, or makes both. Gives the PEM of the authority, too.
func EnsureCertificate(ctx context.Context, kube kubernetes.Interface, namespace string) (tls.Certificate, string, error) {
	secrets := kube.CoreV1().Secrets(namespace)
	secret, err := secrets.Get(ctx, tlsSecret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		var data map[string][]byte
		if data, err = makeCertificate(); err != nil {
			return tls.Certificate{}, "", fmt.Errorf("make the run server's certificate: %w", err)
		}
		secret, err = secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: tlsSecret}, Type: corev1.SecretTypeTLS, Data: data}, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			secret, err = secrets.Get(ctx, tlsSecret, metav1.GetOptions{})
		}
	}
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("Secret %s/%s: %w", namespace, tlsSecret, err)
	}
	certificate, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("Secret %s/%s: %w; delete it to have another one made", namespace, tlsSecret, err)
	}
	return certificate, string(secret.Data[corev1.TLSCertKey]), nil
}
