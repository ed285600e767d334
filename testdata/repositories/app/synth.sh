#!/bin/sh
# Writes a cloud assembly as `cdk synth` does: for each stage a stack with its
# template, its asset manifest, and a folder that becomes a zip in S3.
set -eu

rm -rf cdk.out
mkdir -p cdk.out
artifacts=
for stage in "$@"; do
  mkdir -p "cdk.out/asset.$stage/nodejs"
  echo "exports.greeting = '$GREETING, $stage'" >"cdk.out/asset.$stage/nodejs/index.js"
  printf '#!/bin/sh\nexec node index.js\n' >"cdk.out/asset.$stage/run"
  chmod +x "cdk.out/asset.$stage/run"
  hash=$(cat "cdk.out/asset.$stage/nodejs/index.js" "cdk.out/asset.$stage/run" | cksum | tr ' ' '-')

  cat >"cdk.out/Site-$stage.assets.json" <<JSON
{"version": "48.0.0", "files": {
  "$hash": {"displayName": "Site/Code", "source": {"path": "asset.$stage", "packaging": "zip"},
    "destinations": {"current_account-current_region": {"bucketName": "cdk-hnb659fds-assets-\${AWS::AccountId}-\${AWS::Region}", "objectKey": "$hash.zip",
      "assumeRoleArn": "arn:\${AWS::Partition}:iam::\${AWS::AccountId}:role/cdk-hnb659fds-file-publishing-role-\${AWS::AccountId}-\${AWS::Region}"}}},
  "template": {"source": {"path": "Site-$stage.template.json", "packaging": "file"},
    "destinations": {"current_account-current_region": {"bucketName": "cdk-hnb659fds-assets-\${AWS::AccountId}-\${AWS::Region}", "objectKey": "template-$hash.json"}}}
}, "dockerImages": {}}
JSON
  cat >"cdk.out/Site-$stage.template.json" <<JSON
{"Resources": {
  "Code9F2A": {"Type": "AWS::Lambda::LayerVersion", "Metadata": {"aws:cdk:path": "Site/Code/Resource"},
    "Properties": {"Content": {"S3Bucket": {"Fn::Sub": "cdk-hnb659fds-assets-\${AWS::AccountId}-\${AWS::Region}"}, "S3Key": "$hash.zip"}}},
  "Jobs": {"Type": "AWS::SQS::Queue", "Properties": {"SqsManagedSseEnabled": true}, "Metadata": {"aws:cdk:path": "Site/Jobs/Resource"}}},
 "Outputs": {"Code": {"Value": {"Ref": "Code9F2A"}}},
 "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/hnb659fds/version",
   "Description": "Version of the CDK Bootstrap resources in this environment. [cdk:skip]"}},
 "Rules": {"CheckBootstrapVersion": {"Assertions": [{"Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2", "3", "4", "5"], {"Ref": "BootstrapVersion"}]}]},
   "AssertDescription": "CDK bootstrap stack version 6 required."}]}}}
JSON
  artifacts="$artifacts
  \"Site-$stage.assets\": {\"type\": \"cdk:asset-manifest\", \"properties\": {\"file\": \"Site-$stage.assets.json\", \"requiresBootstrapStackVersion\": 6}},
  \"Site-$stage\": {\"type\": \"aws:cloudformation:stack\", \"environment\": \"aws://unknown-account/unknown-region\", \"displayName\": \"Site-$stage\",
    \"dependencies\": [\"Site-$stage.assets\"], \"properties\": {\"templateFile\": \"Site-$stage.template.json\", \"tags\": {\"app\": \"site\"}}},"
done
printf '{"version": "48.0.0", "artifacts": {%s\n  "Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}}}}\n' "$artifacts" >cdk.out/manifest.json
echo '{"version": "tree-0.1", "tree": {"id": "App", "path": ""}}' >cdk.out/tree.json
echo "synthesised $* with the key $API_KEY"
