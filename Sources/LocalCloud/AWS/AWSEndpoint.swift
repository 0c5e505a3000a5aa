import AWSSigV4
import Arithmetic

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The one address of EC2, SSM, KMS and ECR. Every call's signature is checked before anything else is read.
struct AWSEndpoint: Sendable {
    let credentials: Settings.AWSCredentials
    let region: String
    let ec2: EC2Service
    let ssm: SSMService
    let kms: KMSService
    let ecr: ECRService
    let throttle: Throttle
    let gate: CallGate
    let operators: OperatorRoutes
    let policy: Policy?
    private let verifier = Verifier()

    init(
        settings: Settings, ec2: EC2Service, ssm: SSMService, kms: KMSService, throttle: Throttle,
        gate: CallGate, operators: OperatorRoutes
    ) {
        credentials = settings.aws
        region = settings.region
        self.ec2 = ec2
        self.ssm = ssm
        self.kms = kms
        ecr = ECRService(settings)
        self.throttle = throttle
        self.gate = gate
        self.operators = operators
        policy = settings.policy
    }

    func answer(_ call: HTTPCall) async -> HTTPAnswer {
        if call.path.hasPrefix(OperatorRoutes.prefix) { return await operators.answer(call) }
        let request = SigningRequest(
            method: call.method, path: call.path, query: call.query,
            headers: call.headers.map { SigningHeader($0.name, $0.value) }, body: call.body)
        let service = Verifier.claimedService(of: request) ?? "ec2"
        return await gate.answer(
            call, service: service, operation: Self.operation(of: call, service),
            refusals: Self.refusals(service)
        ) { await perform(call, request, service) }
    }

    /// The name by which the API reference knows the call.
    private static func operation(of call: HTTPCall, _ service: String) -> String {
        if service == "ec2" { return QueryParameters(body: call.body)["Action"] ?? "unknown" }
        let target = call.header("x-amz-target") ?? ""
        return target.split(separator: ".").last.map(String.init) ?? "unknown"
    }

    private func perform(
        _ call: HTTPCall, _ request: SigningRequest, _ service: String
    ) async -> HTTPAnswer {
        do {
            _ = try verifier.verify(
                request, regions: [region], services: ["ec2", "ssm", "kms", "ecr"],
                now: SigningDate(unixSeconds: Date().wholeSeconds)
            ) { $0 == credentials.accessKeyID ? known : nil }
        } catch {
            return Self.refusal(error, service: service)
        }
        guard call.method == "POST", call.path == "/" else {
            return AWSError("InvalidRequest", "Only POST / is served.", status: 404)
                .ec2Answer(requestID: ResourceID.uuid())
        }
        let operation = Self.operation(of: call, service)
        if let refusal = policy?.refusal(of: "\(service):\(operation)") {
            return Self.answer(refusal, service)
        }
        if service == "ec2" { return await ec2.answer(call) }
        do {
            try throttle.admit(service, operation: operation)
        } catch {
            return Self.answer(error, service)
        }
        switch service {
        case "ssm": return await ssm.answer(call)
        case "kms": return await kms.answer(call)
        default: return await ecr.answer(call)
        }
    }

    private var known: Credentials {
        Credentials(
            accessKeyID: credentials.accessKeyID, secretAccessKey: credentials.secretAccessKey,
            sessionToken: credentials.sessionToken)
    }

    private static func refusal(_ error: VerificationError, service: String) -> HTTPAnswer {
        let (status, code) = error.code(service == "ec2" ? .ec2 : .json)
        return answer(AWSError(code, error.description, status: status), service)
    }

    private static func answer(_ error: AWSError, _ service: String) -> HTTPAnswer {
        let requestID = ResourceID.uuid()
        return service == "ec2"
            ? error.ec2Answer(requestID: requestID) : error.jsonAnswer(requestID: requestID)
    }

    private static func refusals(_ service: String) -> CallGate.Refusals {
        let isEC2 = service == "ec2"
        let internalError = AWSError(
            isEC2 ? "InternalError" : "InternalServerError", "An internal error has occurred", status: 500)
        let unavailable = AWSError(
            isEC2 ? "Unavailable" : "ServiceUnavailable", "The server is temporarily overloaded.", status: 503
        )
        let noCapacity = AWSError(
            "InsufficientInstanceCapacity", "There is no capacity of this instance type left.", status: 500)
        let throttled: AWSError = isEC2 ? .requestLimitExceeded : .throttling
        return CallGate.Refusals(
            internalError: answer(internalError, service), unavailable: answer(unavailable, service),
            throttled: { _ in answer(throttled, service) },
            noCapacity: answer(isEC2 ? noCapacity : unavailable, service))
    }
}
