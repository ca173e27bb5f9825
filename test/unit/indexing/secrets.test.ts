import assert from "node:assert/strict";
import { test } from "node:test";
import { unindexedKind } from "../../../src/indexing/fileKinds.ts";
import { isPrivateKey, isSecret } from "../../../src/indexing/secrets.ts";

const secret = [
  ".env", ".env.local", ".env.production", ".envrc", ".ENV", "config/prod.env", "server.pem", "tls/private.key", "id_rsa", "id_rsa.pub", "id_ed25519", "id_ed25519_sk",
  "id_rsa.bak", "store.p12", "store.pfx", "app.jks", "vault.kdbx", "credentials", "credentials.json", "client_secrets.json", "client_secret_123.apps.json", ".npmrc", "home/.netrc",
  ".pypirc", "secrets.yaml", "secrets.yml", "secret.json", "terraform.tfstate", "terraform.tfstate.backup", "prod.tfvars", ".aws/config", ".ssh/known_hosts", ".git-credentials",
  "service-account.json", "service_account-prod.json", "key.p8", "a/b/.htpasswd", "tls-default.key", "nginx.default.pem", "prod-secrets.yaml", "app-secrets.yml",
  "gcp-service-account.json", "x-firebase-adminsdk-ab12.json", ".yarnrc.yml", "local.settings.json", "private.asc", "deploy-key.asc", ".zsh_history", ".bash_history", ".credentials.json",
  ".env~", "id_rsa~", "server.key.bak", "server.pem.old", "server.pem.1", ".npmrc~", ".npmrc.bak", ".netrc.orig", "prod.env.bak", "prod.env.local", "my.env.production", "deploy_rsa", "deploy_rsa.pub",
  "ssh_host_rsa_key", "ssh_host_ed25519_key", "terraform.tfvars.json", "x.auto.tfvars.json", "terraform.tfstate.1700000000.backup", "kubeconfig", "kubeconfig.yaml", "prod.kubeconfig", ".vault_pass", ".vault-pass",
  "private_key", "private-key.txt", "deploy_key", "api_keys.json", ".openai_api_key", "github_token.txt", ".token", "passwords.txt", "etc/shadow", "key.properties", "keystore.properties", "secrets/prod.yaml",
  "deploy/secrets/eu/db.json", ".config/gh/hosts.yml", "home/.config/rclone/rclone.conf", ".m2/settings.xml", ".codex/auth.json", ".gemini/oauth_creds.json", ".databrickscfg", ".Renviron", ".lesshst", "fish_history",
  "ipsec.secrets", ".smbcredentials", "#.env#", "env.local", "pgpass.conf", "kaggle.json",
  ".vault_pass.txt", "token.json", "serviceAccountKey.json", "service-account-key.json", "credentials.json.save", ".secrets", ".credentials",
  "chart/values/secrets.yaml", "templates/credentials", "templates/id_rsa", "templates/.env", "locales/secrets/prod.json", "template/secret.yaml",
  "templates/secret.enc.yaml", "templates/secrets.sops.yaml", "templates/kubeconfig.yaml", "templates/private-key.json", "templates/prod/credentials.json", "schemas/.secrets.json", "lang/python/credentials.json",
  "templates/client_secret_7.apps.googleusercontent.com.json", "templates/vault_pass.yml",
  "age.agekey", "secring.asc", "etc/passwd", "api-keys.csv", ".zhistory", "wallet.dat", ".config/gcloud/access_tokens.db", ".Config/gh/hosts.yml", ".cargo/credentials.toml",
];
for (const file of secret) test(`${file} is never read`, () => assert.equal(isSecret(file), true));

const open = [
  ".env.example", ".env.sample", ".env.template", ".env.local.example", "src/secrets.ts", "credentials.go", "aws/credentials_test.py", "secretstore.yaml", "environment.ts", "env.d.ts",
  "id_generator.py", "keys.ts", "src/key/index.ts", "monkey.ts", "pem.go", "secrets.example.yaml", "prod.tfvars.example", "id_rsa.go", "docs/credentials.md", "dotenv.js",
  "docs/guide.asc", "history.ts", "src/app-secrets.ts", "app-secrets.example.yaml", "monkey.asc",
  "token.ts", "tokens.json", "keys.py", "main.py~", "main.go.orig", "vite.env.ts", "crypto/rsa.go", "test_rsa.py", "ssh_host_key.c", "kubeconfig.go", "kubeconfig-template.yaml", "vault_pass.py", "serviceAccountKey.ts",
  "secrets/store.go", "secrets/README.md", "crates/secrets/Cargo.toml", "secrets/package.json", "secrets/CMakeLists.txt", "lang/en/passwords.json", "mails/reset_password.txt", "schemas/access-token.yaml", "api-key.ts",
  ".codex/config.toml", "locales/en/auth.json", "history.md", "command_history.py", "src/private_key.rs", "tokenizer.json", "env.sh",
  "charts/api/templates/secret.yaml", "templates/db-secret.yml", "chart/crds/external-secrets.yaml", "locales/en/credentials.json", "src/i18n/de/secrets.json", "schemas/client-secret.json",
  "chart/templates/serviceaccount.yaml", "chart/templates/api/secret-tls.yaml", "chart/crds/apps.example.io_secrets.yaml", "lang/pt_br/credentials.json",
  ".env.example~", "credentials.go.bak", "tfvars.ts", "variables.tf.json", ".env.dist", ".env.defaults", "secrets/kustomization.yaml",
];
for (const file of open) test(`${file} is ordinary text`, () => assert.equal(isSecret(file), false));

test("a private key is known by its beginning, whatever the file is called", () => {
  for (const kind of ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", "SSH2 ENCRYPTED "]) assert.equal(isPrivateKey(`\n-----BEGIN ${kind}PRIVATE KEY-----\nMIIE`), true, kind);
  assert.equal(isPrivateKey("-----BEGIN PGP PRIVATE KEY BLOCK-----\n"), true);
  for (const text of ["-----BEGIN PUBLIC KEY-----\n", "-----BEGIN CERTIFICATE-----\n", 'const pem = "-----BEGIN PRIVATE KEY-----";\n', ""]) assert.equal(isPrivateKey(text), false, text);
});

test("files of keys are known as their tools write them, and what speaks of such files is not one", () => {
  const base64 = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=";
  const account = (key: string) => JSON.stringify({ type: "service_account", project_id: "shop-1234", private_key_id: "ab12", private_key: key }, undefined, 2);
  const cluster = `apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: ${base64.repeat(60)}\nkind: Config\nusers:\n- name: admin\n  user:\n    client-key-data: ${base64}\n`;
  const keys = [
    account("-----BEGIN PRIVATE KEY-----\nMII"), cluster, `# created: 2026-01-02\n# public key: age1qqq\nAGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQ\n`, "PuTTY-User-Key-File-3: ssh-ed25519\n", "$ANSIBLE_VAULT;1.1;AES256\n6132\n",
    `[Interface]\nAddress = 10.0.0.2/24\nPrivateKey = ${base64}\n\n[Peer]\n`, JSON.stringify({ client_email: "a@shop.example", private_key: `-----BEGIN RSA PRIVATE KEY-----\n${base64}\n` }),
  ];
  for (const text of keys) assert.equal(isPrivateKey(text), true, text.slice(0, 80));
  const others = [
    account("YOUR KEY"), JSON.stringify({ private_key: "-----BEGIN PRIVATE KEY-----\n..." }), JSON.stringify({ private_key: "-----BEGIN PRIVATE KEY-----" }).repeat(1_000), `test("reads", () => {\n  read(${account("-----BEGIN PRIVATE KEY-----")});\n`, "kind: Config\nusers: []\n", "The field client-key-data: is the key.\n", "[Interface]\nPrivateKey = <the client's>\n", `[Interface]\nName = x\n[Peer]\nPrivateKey = ${base64}\n`,
    "# Keys begin with AGE-SECRET-KEY-1\n", `{${" ".repeat(100_000)}`, "[Interface]\n".repeat(10_000), "#\n".repeat(20_000), "\n".repeat(20_000), '{"type": "service_account"'.repeat(2_000),
  ];
  for (const text of others) assert.equal(isPrivateKey(text), false, text.slice(0, 80));
});

const kinds: readonly [string, ReturnType<typeof unindexedKind>][] = [
  ["a/logo.PNG", "binary"], ["lib.so", "binary"], ["Foo.class", "binary"], ["app.min.js", "generated"], ["style.min.css", "generated"], ["x-min.js", "generated"], ["bundle.js.map", "generated"],
  ["package-lock.json", "generated"], ["Cargo.lock", "generated"], ["go.sum", "generated"], ["rows.csv", "data"], ["icon.svg", "data"], ["main.rs", undefined], ["Makefile", undefined],
  [".gitignore", "settings"], [".vscode/settings.json", "settings"], [".vscode/tasks.json", undefined], ["LICENSE", "licence"], ["package.json", undefined], ["admin.js", undefined], ["README.md", undefined], [".a", undefined], ["map.ts", undefined],
];
for (const [file, kind] of kinds) test(`${file} is ${kind ? `left out as ${kind}` : "indexed"}`, () => assert.equal(unindexedKind(file), kind));
