import assert from "node:assert/strict";
import { test } from "node:test";
import { unindexedKind } from "../../../src/indexing/fileKinds.ts";
import { beginsAsPrivateKey, isSecret } from "../../../src/indexing/secrets.ts";

const secret = [
  ".env", ".env.local", ".env.production", ".envrc", ".ENV", "config/prod.env", "server.pem", "tls/private.key", "id_rsa", "id_rsa.pub", "id_ed25519", "id_ed25519_sk",
  "id_rsa.bak", "store.p12", "store.pfx", "app.jks", "vault.kdbx", "credentials", "credentials.json", "client_secrets.json", "client_secret_123.apps.json", ".npmrc", "home/.netrc",
  ".pypirc", "secrets.yaml", "secrets.yml", "secret.json", "terraform.tfstate", "terraform.tfstate.backup", "prod.tfvars", ".aws/config", ".ssh/known_hosts", ".git-credentials",
  "service-account.json", "service_account-prod.json", "key.p8", "a/b/.htpasswd", "tls-default.key", "nginx.default.pem", "prod-secrets.yaml", "app-secrets.yml",
  "gcp-service-account.json", "x-firebase-adminsdk-ab12.json", ".yarnrc.yml", "local.settings.json", "private.asc", "deploy-key.asc", ".zsh_history", ".bash_history", ".credentials.json",
  ".env~", "id_rsa~", "server.key.bak", "server.pem.old", "server.pem.1", ".npmrc~", ".npmrc.bak", ".netrc.orig", "prod.env.bak", "prod.env.local", "my.env.production", "deploy_rsa", "deploy_rsa.pub",
  "ssh_host_rsa_key", "ssh_host_ed25519_key", "terraform.tfvars.json", "x.auto.tfvars.json", "terraform.tfstate.1700000000.backup", "kubeconfig", "kubeconfig.yaml", "prod.kubeconfig", ".vault_pass", ".vault-pass",
  ".vault_pass.txt", "token.json", "serviceAccountKey.json", "service-account-key.json", "credentials.json.save", ".secrets", ".credentials",
];
for (const file of secret) test(`${file} is never read`, () => assert.equal(isSecret(file), true));

const open = [
  ".env.example", ".env.sample", ".env.template", ".env.local.example", "src/secrets.ts", "credentials.go", "aws/credentials_test.py", "secretstore.yaml", "environment.ts", "env.d.ts",
  "id_generator.py", "keys.ts", "src/key/index.ts", "monkey.ts", "pem.go", "secrets.example.yaml", "prod.tfvars.example", "id_rsa.go", "docs/credentials.md", "dotenv.js",
  "docs/guide.asc", "history.ts", "src/app-secrets.ts", "app-secrets.example.yaml", "monkey.asc",
  "token.ts", "tokens.json", "keys.py", "main.py~", "main.go.orig", "vite.env.ts", "crypto/rsa.go", "test_rsa.py", "ssh_host_key.c", "kubeconfig.go", "kubeconfig-template.yaml", "vault_pass.py", "serviceAccountKey.ts",
  ".env.example~", "credentials.go.bak", "tfvars.ts", "variables.tf.json",
];
for (const file of open) test(`${file} is ordinary text`, () => assert.equal(isSecret(file), false));

test("a private key is known by its first line, whatever the file is called", () => {
  for (const kind of ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", "SSH2 ENCRYPTED "]) assert.equal(beginsAsPrivateKey(`\n-----BEGIN ${kind}PRIVATE KEY-----\nMIIE`), true, kind);
  assert.equal(beginsAsPrivateKey("-----BEGIN PGP PRIVATE KEY BLOCK-----\n"), true);
  for (const text of ["-----BEGIN PUBLIC KEY-----\n", "-----BEGIN CERTIFICATE-----\n", 'const pem = "-----BEGIN PRIVATE KEY-----";\n', ""]) assert.equal(beginsAsPrivateKey(text), false, text);
});

const kinds: readonly [string, ReturnType<typeof unindexedKind>][] = [
  ["a/logo.PNG", "binary"], ["lib.so", "binary"], ["Foo.class", "binary"], ["app.min.js", "generated"], ["style.min.css", "generated"], ["x-min.js", "generated"], ["bundle.js.map", "generated"],
  ["package-lock.json", "generated"], ["Cargo.lock", "generated"], ["go.sum", "generated"], ["rows.csv", "data"], ["icon.svg", "data"], ["main.rs", undefined], ["Makefile", undefined],
  [".gitignore", "settings"], [".vscode/settings.json", "settings"], [".vscode/tasks.json", undefined], ["LICENSE", "licence"], ["package.json", undefined], ["admin.js", undefined], ["README.md", undefined], [".a", undefined], ["map.ts", undefined],
];
for (const [file, kind] of kinds) test(`${file} is ${kind ? `left out as ${kind}` : "indexed"}`, () => assert.equal(unindexedKind(file), kind));
