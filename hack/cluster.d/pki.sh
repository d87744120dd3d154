# shellcheck shell=bash
# Certificates and kubeconfigs of a control plane: the node's, and that of bench/scale. In PKI, a directory; of NAME, whose API server
# answers at API_SERVER, a URL.

# authority: what signs the certificates, and the key of service accounts' tokens.
authority() {
  openssl genrsa -out "$PKI/sa.key" 2048 &&
    openssl rsa -in "$PKI/sa.key" -pubout -out "$PKI/sa.pub" &&
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=modelrun-$NAME" \
      -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$PKI/ca.key" -out "$PKI/ca.crt"
}

# certificate NAME SUBJECT USAGES [ALTERNATIVE NAMES]
certificate() {
  local base=$PKI/$1
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" -keyout "$base.key" -out "$base.csr" &&
    openssl x509 -req -in "$base.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial -days 3650 -out "$base.crt" \
      -extfile <(echo "extendedKeyUsage=$3"; [[ -z ${4:-} ]] || echo "subjectAltName=$4")
}

# kubeconfig_for CERTIFICATE FILE: self-contained, so that it can be copied anywhere on this machine.
kubeconfig_for() {
  (
    umask 077
    cat >"$2.new" <<C
apiVersion: v1
kind: Config
clusters:
  - name: $NAME
    cluster: {server: "$API_SERVER", certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")}
users:
  - name: $1
    user: {client-certificate-data: $(base64 -w0 "$PKI/$1.crt"), client-key-data: $(base64 -w0 "$PKI/$1.key")}
contexts:
  - name: $NAME
    context: {cluster: $NAME, user: $1}
current-context: $NAME
C
  )
  mv "$2.new" "$2"
}
