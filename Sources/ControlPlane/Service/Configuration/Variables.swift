import Fleet
import Providers

/// Every variable that the control plane reads. `controlplane configuration` prints this list.
extension Variable {
    package static let databaseURL = Variable(
        name: "DATABASE_URL", meaning: "PostgreSQL of the control plane, postgres://...", isSecret: true)
    static let databaseConnections = Variable(
        name: "DATABASE_MAX_CONNECTIONS", meaning: "connections that one process opens at most",
        fallback: "16")
    static let listen = Variable(
        name: "CP_LISTEN", meaning: "address and port to serve on", fallback: "127.0.0.1:8080")
    package static let adminToken = Variable(
        name: "CP_ADMIN_API_TOKEN", meaning: "bearer token of /cp/admin/*, 32 characters or more",
        isSecret: true)
    package static let workers = Variable(
        name: "CP_WORKERS", meaning: "workflows that one process runs at the same time", fallback: "16")
    package static let lease = Variable(
        name: "CP_LEASE_SECONDS", meaning: "after this long without a heartbeat another process takes over",
        fallback: "4")
    package static let migrationsPath = Variable(
        name: "MIGRATIONS_PATH", meaning: "folder of the SQL migrations", fallback: "migrations")
    package static let userdataPath = Variable(
        name: "USERDATA_PATH", meaning: "folder of the boot script", fallback: "userdata")

    static let publicURL = Variable(
        name: "CP_PUBLIC_URL", meaning: "base URL under which instances reach the control plane, https")
    static let caFile = Variable(
        name: "CP_CA_FILE",
        meaning: "PEM of a private authority that signed CP_PUBLIC_URL's and the edge's "
            + "certificates; unset for public ones", fallback: "")
    package static let tenantDomain = Variable(
        name: "TENANT_DOMAIN", meaning: "tenants live at <slug>.<this domain>")
    static let edgeURL = Variable(
        name: "EDGE_URL",
        meaning: "where the platform asks a tenant for its health; {slug} and {hostname} are replaced; "
            + "default https://{hostname}", fallback: "")

    static let awsRegion = Variable(name: "AWS_REGION", meaning: "region of the tenants' instances")
    static let awsAccessKeyID = Variable(name: "AWS_ACCESS_KEY_ID", meaning: "access key of the platform")
    static let awsSecretAccessKey = Variable(
        name: "AWS_SECRET_ACCESS_KEY", meaning: "its secret", isSecret: true)
    static let awsSessionToken = Variable(
        name: "AWS_SESSION_TOKEN", meaning: "session token of temporary credentials", fallback: "",
        isSecret: true)
    static let awsEndpointURL = Variable(
        name: "AWS_ENDPOINT_URL", meaning: "one endpoint for every AWS service; unset: AWS itself",
        fallback: "")
    static let cloudflareAPIURL = Variable(
        name: "CLOUDFLARE_API_URL", meaning: "base of Cloudflare's API",
        fallback: "https://api.cloudflare.com/client/v4")
    static let cloudflareAPIToken = Variable(
        name: "CLOUDFLARE_API_TOKEN", meaning: "API token that may edit tunnels and DNS", isSecret: true)
    static let cloudflareAccountID = Variable(
        name: "CLOUDFLARE_ACCOUNT_ID", meaning: "account that holds the tunnels")
    static let cloudflareZoneID = Variable(
        name: "CLOUDFLARE_ZONE_ID", meaning: "zone of TENANT_DOMAIN")
    static let cloudflarePlaces = Variable(
        name: "CLOUDFLARE_PLACES",
        meaning: "several accounts and zones, instead of the two variables above: JSON list of "
            + "{account_id, zone_id, domain, api_token?, maximum_tunnels?, maximum_records?}",
        fallback: "", isSecret: true)
    static let platformID = Variable(
        name: "PLATFORM_ID",
        meaning: "names this platform among others that share its accounts, 1 to 16 of a-z and 0-9",
        fallback: "molecule")
    static let providerLimits = Variable(
        name: "PROVIDER_LIMITS",
        meaning: "limits that a provider has raised: JSON, as "
            + "{\"ec2.RunInstances\": {\"capacity\": 10, \"per_second\": 4}}", fallback: "")
    static let maximumVCPUs = Variable(
        name: "EC2_MAXIMUM_VCPUS", meaning: "vCPUs that the region's quota leaves to tenants",
        fallback: "20000")
    static let retentionDays = Variable(
        name: "RETENTION_DAYS",
        meaning: "days for which a deleted tenant's volume is kept, by plan", fallback: "starter=7,pro=30")

    static let ec2ImageID = Variable(name: "EC2_AMI_ID", meaning: "image of a tenant's instance")
    static let ec2InstanceType = Variable(
        name: "EC2_INSTANCE_TYPE", meaning: "type of a tenant's instance", fallback: "t3.medium")
    static let ec2SubnetID = Variable(
        name: "EC2_SUBNET_ID", meaning: "subnets of the tenants' instances, separated by commas")
    static let ec2SecurityGroupID = Variable(
        name: "EC2_SECURITY_GROUP_ID",
        meaning: "the security group, without inbound rules, that tenants share")
    static let ec2InstanceProfile = Variable(
        name: "EC2_INSTANCE_PROFILE", meaning: "instance profile that lets SSM reach the instance",
        fallback: "")
    static let ec2VolumeGigabytes = Variable(
        name: "EC2_VOLUME_GB", meaning: "size of a tenant's encrypted volume", fallback: "30")
    static let ec2IdentityCertificate = Variable(
        name: "EC2_IDENTITY_CERT_FILE",
        meaning: "PEM of the RSA-2048 certificate that signs instance identity documents in the region")

    static let registryURL = Variable(
        name: "REGISTRY_URL",
        meaning: "registry of the stack's images, as instances and the platform reach it")
    static let imagePostgres = Variable(
        name: "IMAGE_POSTGRES", meaning: "repository:tag", fallback: "tenant-postgres:v1")
    static let imageRedis = Variable(
        name: "IMAGE_REDIS", meaning: "repository:tag", fallback: "tenant-redis:v1")
    static let imageMemoryPlugin = Variable(
        name: "IMAGE_MEMORY_PLUGIN", meaning: "repository:tag", fallback: "memory-plugin:v1")
    static let imageTenant = Variable(
        name: "IMAGE_TENANT", meaning: "repository:tag", fallback: "molecule-tenant:v1")
    static let imageCloudflared = Variable(
        name: "IMAGE_CLOUDFLARED", meaning: "repository:tag", fallback: "cloudflared:v1")
    static let agentURL = Variable(
        name: "TENANT_AGENT_URL", meaning: "where an instance downloads the agent")
    static let agentSHA256 = Variable(
        name: "TENANT_AGENT_SHA256", meaning: "SHA-256 of the agent, 64 hexadecimal digits")

    static let secretsEncryptionKey = Variable(
        name: "SECRETS_ENCRYPTION_KEY",
        meaning: "32 bytes in base64; beside KMS_KEY_ARN only to read what was sealed before",
        isSecret: true)
    static let previousSecretsKeys = Variable(
        name: "SECRETS_ENCRYPTION_KEYS_PREVIOUS",
        meaning: "earlier values of SECRETS_ENCRYPTION_KEY, separated by commas, to read what they sealed "
            + "until `controlplane rewrap` has ended", fallback: "", isSecret: true)
    static let kmsKeyARN = Variable(
        name: "KMS_KEY_ARN", meaning: "key that seals secrets at rest", fallback: "")
    static let provisionSharedSecret = Variable(
        name: "PROVISION_SHARED_SECRET",
        meaning: "what tenants receive as MOLECULE_CP_SHARED_SECRET, "
            + "32 characters or more", isSecret: true)

    static let deadlineEnrolment = Variable(
        name: "DEADLINE_ENROLMENT_SECONDS", meaning: "from launch to enrolment", fallback: "600")
    static let deadlineStage = Variable(
        name: "DEADLINE_STAGE_SECONDS", meaning: "for each boot stage after enrolment", fallback: "300")
    static let deadlineHealthy = Variable(
        name: "DEADLINE_HEALTHY_SECONDS", meaning: "from the last boot stage to 200 through the edge",
        fallback: "120")
    static let deadlineRedeploy = Variable(
        name: "DEADLINE_REDEPLOY_SECONDS", meaning: "for a new image to become healthy on the instance",
        fallback: "120")
    static let deadlineOffline = Variable(
        name: "DEADLINE_OFFLINE_SECONDS",
        meaning: "for an instance that Systems Manager cannot reach to come back, before a redeploy gives up",
        fallback: "300")
    static let deadlineResize = Variable(
        name: "DEADLINE_RESIZE_SECONDS",
        meaning: "for an instance to run as another type, before it gets its former one back",
        fallback: "600")
    static let maintenanceWindow = Variable(
        name: "MAINTENANCE_WINDOW",
        meaning: "when a tenant's instance may be stopped to get its plan's type, in UTC: "
            + MaintenanceWindow.expected, fallback: "02:00-05:00")
    static let poll = Variable(
        name: "CP_POLL_SECONDS", meaning: "how often a waiting workflow looks again without being woken",
        fallback: "5")
    static let providerVisibility = Variable(
        name: "PROVIDER_VISIBILITY_SECONDS",
        meaning: "how long a provider may hide what it has just created", fallback: "5")

    static let reconcileInterval = Variable(
        name: "RECONCILE_INTERVAL_SECONDS",
        meaning: "how often rows and cloud are compared; 0: only when a person asks", fallback: "900")
    static let reconcileMode = Variable(
        name: "RECONCILE_MODE",
        meaning: "report: only look; repair: also mend drift, quarantine orphans, and delete them after "
            + "their grace period", fallback: "report")
    static let reconcileGrace = Variable(
        name: "RECONCILE_GRACE_SECONDS", meaning: "from an orphan's quarantine to its deletion",
        fallback: "604800")
    static let reconcileShare = Variable(
        name: "RECONCILE_MAX_DELETE_PERCENT",
        meaning: "of what it sees, the share that one run may delete; beyond it deletes nothing",
        fallback: "5")
    static let reconcileFloor = Variable(
        name: "RECONCILE_MAX_DELETE_FLOOR", meaning: "so many things a run may delete whatever their share",
        fallback: "3")

    static let corsOrigins = Variable(
        name: "CORS_ORIGINS",
        meaning: "origins of web applications that may call the browsers' routes with the user's cookie, "
            + "separated by commas, as https://app.example.com; none unless set", fallback: "")

    package static let all: [Variable] =
        [
            databaseURL, databaseConnections, listen, adminToken, workers, lease, migrationsPath,
            userdataPath,
            publicURL, caFile, tenantDomain, edgeURL,
            awsRegion, awsAccessKeyID, awsSecretAccessKey, awsSessionToken, awsEndpointURL,
            cloudflareAPIURL, cloudflareAPIToken, cloudflareAccountID, cloudflareZoneID, cloudflarePlaces,
            platformID, providerLimits, maximumVCPUs, retentionDays,
            ec2ImageID, ec2InstanceType, ec2SubnetID, ec2SecurityGroupID, ec2InstanceProfile,
            ec2VolumeGigabytes,
            ec2IdentityCertificate, registryURL, registryAuth, registryUsername, registryPassword,
            imagePostgres,
            imageRedis, imageMemoryPlugin, imageTenant,
            imageCloudflared, agentURL, agentSHA256, secretsEncryptionKey, previousSecretsKeys, kmsKeyARN,
            provisionSharedSecret,
            deadlineEnrolment, deadlineStage, deadlineHealthy, deadlineRedeploy, deadlineOffline,
            deadlineResize, maintenanceWindow, poll,
            providerVisibility,
            reconcileInterval, reconcileMode, reconcileGrace, reconcileShare, reconcileFloor, corsOrigins,
            usageRetention,
        ] + browser + traffic + billing + credits
}
