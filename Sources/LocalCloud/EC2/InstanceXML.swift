extension XMLText {
    mutating func reservation(_ instances: [Instance], owner: String) {
        element("reservationId", instances.first?.reservationID ?? "")
        element("ownerId", owner)
        element("groupSet") { _ in }
        list("instancesSet", instances) { $0.instance($1, owner: owner) }
    }

    mutating func state(_ name: String, _ state: InstanceState) {
        element(name) {
            $0.element("code", state.rawValue)
            $0.element("name", state.name)
        }
    }

    private mutating func instance(_ instance: Instance, owner: String) {
        let gone = instance.state == .terminated
        element("instanceId", instance.id)
        element("imageId", instance.imageID)
        state("instanceState", instance.state)
        element("privateDnsName", gone ? "" : instance.privateDNSName)
        element("dnsName", "")
        element("reason", instance.transitionReason)
        element("amiLaunchIndex", instance.launchIndex)
        element("productCodes") { _ in }
        element("instanceType", instance.type)
        element("launchTime", Timestamp.text(instance.launchedAt))
        element("placement") {
            $0.element("availabilityZone", instance.zone)
            $0.element("groupName", "")
            $0.element("tenancy", "default")
        }
        element("monitoring") { $0.element("state", "disabled") }
        if !gone { addresses(instance, owner: owner) }
        if let reason = instance.reason {
            element("stateReason") {
                $0.element("code", reason.code)
                $0.element("message", reason.message)
            }
        }
        element("architecture", "x86_64")
        element("rootDeviceType", "ebs")
        element("rootDeviceName", instance.volumes.first?.deviceName ?? "/dev/xvda")
        blockDevices(gone ? [] : instance.volumes, attached: Timestamp.text(instance.launchedAt))
        element("virtualizationType", "hvm")
        if let token = instance.clientToken { element("clientToken", token) }
        tagSet(instance.tags)
        profile(instance, owner: owner)
        element("hypervisor", "xen")
        element("ebsOptimized", false)
        metadataOptions(instance.metadata, applied: instance.state != .pending)
    }

    private mutating func addresses(_ instance: Instance, owner: String) {
        element("subnetId", instance.subnetID)
        element("vpcId", VirtualNetwork.vpcID)
        element("privateIpAddress", instance.privateAddress)
        element("sourceDestCheck", true)
        list("groupSet", instance.securityGroupIDs) { $0.element("groupId", $1) }
        list("networkInterfaceSet", [instance]) { item, instance in
            item.element("networkInterfaceId", instance.interfaceID)
            item.element("subnetId", instance.subnetID)
            item.element("vpcId", VirtualNetwork.vpcID)
            item.element("ownerId", owner)
            item.element("status", "in-use")
            item.element("macAddress", instance.macAddress)
            item.element("privateIpAddress", instance.privateAddress)
            item.list("groupSet", instance.securityGroupIDs) { $0.element("groupId", $1) }
        }
    }

    private mutating func blockDevices(_ volumes: [Volume], attached: String) {
        list("blockDeviceMapping", volumes) { item, volume in
            item.element("deviceName", volume.deviceName)
            item.element("ebs") {
                $0.element("volumeId", volume.id)
                $0.element("status", "attached")
                $0.element("attachTime", attached)
                $0.element("deleteOnTermination", volume.deleteOnTermination)
            }
        }
    }

    private mutating func profile(_ instance: Instance, owner: String) {
        guard let profile = instance.profile, instance.state != .terminated else { return }
        let arn = profile.hasPrefix("arn:") ? profile : "arn:aws:iam::\(owner):instance-profile/\(profile)"
        element("iamInstanceProfile") {
            $0.element("arn", arn)
            $0.element("id", "AIPALOCALCLOUD0000001")
        }
    }

    private mutating func metadataOptions(_ options: MetadataOptions, applied: Bool) {
        element("metadataOptions") {
            $0.element("state", applied ? "applied" : "pending")
            $0.element("httpTokens", options.tokensRequired ? "required" : "optional")
            $0.element("httpPutResponseHopLimit", options.hopLimit)
            $0.element("httpEndpoint", options.enabled ? "enabled" : "disabled")
            $0.element("instanceMetadataTags", options.tagsEnabled ? "enabled" : "disabled")
        }
    }
}
