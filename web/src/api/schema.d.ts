// Made from docs/openapi.json by `npm run client`. Do not edit.

export interface paths {
    "/api/v1/alerts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List alerts, newest first */
        get: operations["listAlerts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alerts/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get an alert */
        get: operations["getAlert"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alerts/{id}/acknowledge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Say that you look after an open alert */
        post: operations["acknowledgeAlert"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alerts/{id}/close": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Close an alert; it does not open again while its condition goes on */
        post: operations["closeAlert"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/artifacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List artifacts */
        get: operations["listArtifacts"];
        put?: never;
        /** Upload an artifact: the bytes are the body */
        post: operations["uploadArtifact"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/artifacts/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get an artifact */
        get: operations["getArtifact"];
        put?: never;
        post?: never;
        /** Delete an artifact that no component has */
        delete: operations["deleteArtifact"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/artifacts/{id}/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Download the bytes of an artifact */
        get: operations["downloadArtifact"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/artifacts/{id}/link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show an artifact's lasting link */
        get: operations["getArtifactLink"];
        /** Give an artifact a lasting link */
        put: operations["putArtifactLink"];
        post?: never;
        /** Take an artifact's lasting link away */
        delete: operations["deleteArtifactLink"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List who did what, newest first */
        get: operations["listAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Everything that checking the records without this server needs, as JSON lines */
        get: operations["exportAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The public key that seals are signed with */
        get: operations["getAuditKey"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Check every record and seal */
        get: operations["verifyAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auto-assignments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List what saved queries of hawkBit's clients assign by themselves */
        get: operations["listAutoAssignments"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auto-assignments/{id}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Agree to an auto assignment as a second person */
        post: operations["approveAutoAssignment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auto-assignments/{id}/deny": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Deny an auto assignment as a second person */
        post: operations["denyAutoAssignment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/backups": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List backups of the server */
        get: operations["listBackups"];
        put?: never;
        /** Start a backup of the server */
        post: operations["createBackup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/backups/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete a backup, unless it is the only one */
        delete: operations["deleteBackup"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ca.pem": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Root and issuing CA, for devices to trust */
        get: operations["getCa"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/claims": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List claims */
        get: operations["listClaims"];
        put?: never;
        /** Make a claim; its key is shown this once */
        post: operations["createClaim"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/claims/{name}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Revoke a claim and what it made that nobody has provisioned */
        post: operations["revokeClaim"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/command-templates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List command templates */
        get: operations["listCommandTemplates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/command-templates/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a command template */
        get: operations["getCommandTemplate"];
        /** Make or replace a command template */
        put: operations["putCommandTemplate"];
        post?: never;
        /** Remove a command template; commands that were sent stay */
        delete: operations["deleteCommandTemplate"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/components": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List components */
        get: operations["listComponents"];
        put?: never;
        /** Make a component */
        post: operations["createComponent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/components/{name}/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a component */
        get: operations["getComponent"];
        put?: never;
        post?: never;
        /** Delete a component that no release has */
        delete: operations["deleteComponent"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/credentials/{id}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Revoke a certificate and end its connections */
        post: operations["revokeCredential"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List devices: filter, sort, page, count */
        get: operations["listDevices"];
        put?: never;
        /** Register a device */
        post: operations["createDevice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Devices as CSV, in the columns that an import takes */
        get: operations["exportDevices"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Register and change many devices from a file (CSV or JSON), or say what that would do */
        post: operations["importDevices"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/tags": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tag every device that matches a query */
        post: operations["tagDevices"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a device */
        get: operations["getDevice"];
        /** Register a device, or replace what is said of it */
        put: operations["putDevice"];
        post?: never;
        /** Remove a device that was never seen, or free the name of one that is decommissioned */
        delete: operations["deleteDevice"];
        options?: never;
        head?: never;
        /** Change what is said of a device */
        patch: operations["patchDevice"];
        trace?: never;
    };
    "/api/v1/devices/{name}/aliases/{protocol}/{externalId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Give a device another external id */
        put: operations["putAlias"];
        post?: never;
        /** Take an external id away */
        delete: operations["deleteAlias"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/commands": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List what a device was told to do, newest first */
        get: operations["listDeviceCommands"];
        put?: never;
        /** Tell a device to do something, and wait for its answer */
        post: operations["sendCommand"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/credentials": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the certificates of a device */
        get: operations["listCredentials"];
        put?: never;
        /** Sign a certificate request of a device */
        post: operations["signCredential"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/credentials/generate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a key and a certificate for a device that cannot; the key is shown this once */
        post: operations["generateCredential"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/decommission": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What taking a device out of service would do */
        get: operations["previewDecommission"];
        put?: never;
        /** Take a device out of service for good; its credentials are revoked */
        post: operations["decommissionDevice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The time line of a device, newest first */
        get: operations["listDeviceEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/executions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the executions of a device, newest first */
        get: operations["listDeviceExecutions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The metrics of a device */
        get: operations["listMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/refusals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Why a device, or whoever gave its name, was refused, newest first */
        get: operations["listDeviceRefusals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/replace": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Put new hardware under a device; its older credentials are revoked in the same step */
        post: operations["replaceDevice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/reprovision": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let one enrolment replace the device's credential, for some minutes */
        post: operations["openReprovision"];
        /** Let no enrolment replace the device's credential any more */
        delete: operations["closeReprovision"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let it connect again */
        post: operations["resumeDevice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/shadow": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get the classic shadow */
        get: operations["getShadow"];
        put?: never;
        post?: never;
        /** Delete the classic shadow */
        delete: operations["deleteShadow"];
        options?: never;
        head?: never;
        /** Merge into the desired side */
        patch: operations["updateShadow"];
        trace?: never;
    };
    "/api/v1/devices/{name}/shadows": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the shadows of a device, the classic one first */
        get: operations["listShadows"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/shadows/{shadow}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a named shadow */
        get: operations["getNamedShadow"];
        put?: never;
        post?: never;
        /** Delete a named shadow */
        delete: operations["deleteNamedShadow"];
        options?: never;
        head?: never;
        /** Merge into the desired side of a named shadow */
        patch: operations["updateNamedShadow"];
        trace?: never;
    };
    "/api/v1/devices/{name}/suspend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let a device not connect for now; its connections end */
        post: operations["suspendDevice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/telemetry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The last value of every metric */
        get: operations["getLastValues"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/telemetry/{metric}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A range of one metric: points, or minimum, maximum, mean and count per step */
        get: operations["getSeries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show the token of a device */
        get: operations["getDeviceToken"];
        /** Give a device another token */
        put: operations["putDeviceToken"];
        post?: never;
        /** Take the token of a device away */
        delete: operations["deleteDeviceToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/unmapped-topics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Topics that a device publishes to and its type maps to nothing */
        get: operations["listUnmappedTopics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{name}/updates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Say why a device is not updated, or that it is */
        get: operations["listDeviceUpdates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List what happened to devices, newest first */
        get: operations["listEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get one execution */
        get: operations["getExecution"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask a device to stop, or end its part */
        post: operations["cancelExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{id}/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Agree in place of a device's user */
        post: operations["confirmExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/groups": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List groups */
        get: operations["listGroups"];
        put?: never;
        /** Make a group */
        post: operations["createGroup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/groups/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a group */
        get: operations["getGroup"];
        /** Make a group, or replace its description */
        put: operations["putGroup"];
        post?: never;
        /** Remove a group; its devices stay */
        delete: operations["deleteGroup"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/groups/{path}/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Add devices to a group and remove others */
        post: operations["changeMembers"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List jobs, newest first */
        get: operations["listJobs"];
        put?: never;
        /** Make a job for many devices */
        post: operations["createJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Say what a job would do on how many devices and why not, without making it */
        post: operations["previewJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/preview/devices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** List what a job would do on each device, without making it */
        post: operations["previewJobDevices"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a job with its waves and counts */
        get: operations["getJob"];
        put?: never;
        post?: never;
        /** Forget a job that is over or never began */
        delete: operations["deleteJob"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/advance": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Go on to the next wave without waiting for this one */
        post: operations["advanceJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Agree to a job as a second person */
        post: operations["approveJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a job */
        post: operations["cancelJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/deny": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Deny a job as a second person */
        post: operations["denyJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/devices/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Say why a device stands where it stands */
        get: operations["explainJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/downloads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** See how much went out for a job, and how much did not have to */
        get: operations["getJobDownloads"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/executions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a job's life on each device */
        get: operations["listJobExecutions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/failures": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List why a job failed where it failed, most frequent first */
        get: operations["listJobFailures"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Hold a job */
        post: operations["pauseJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Go on after a pause or halt */
        post: operations["resumeJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Offer a job again to every device on which it failed */
        post: operations["retryJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Say what rolling a job back would come to, or why there is nothing to go back to */
        get: operations["getWayBack"];
        put?: never;
        /** Make a job that brings devices back to what they ran before */
        post: operations["rollBackJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/start": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin to offer work */
        post: operations["startJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What changes, as server-sent events: change, telemetry, resync */
        get: operations["watch"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who am I, and what may I do */
        get: operations["getMe"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List who is told of alerts */
        get: operations["listNotifications"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a channel */
        get: operations["getNotification"];
        /** Make or replace a channel */
        put: operations["putNotification"];
        post?: never;
        /** Remove a channel, and what is on its way to it */
        delete: operations["deleteNotification"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications/{name}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List what was and is on its way to a channel, newest first */
        get: operations["listNotificationDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications/{name}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send a test, once, and say how it went */
        post: operations["testNotification"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document */
        get: operations["getOpenApi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pending": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List enrolments that wait for a decision, or were decided */
        get: operations["listPending"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pending/{id}/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let in exactly this public key for this name */
        post: operations["acceptPending"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pending/{id}/reject": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Refuse this public key for this name, also when it asks again */
        post: operations["rejectPending"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/refusals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who was refused on the device port of this node, and why, newest first */
        get: operations["listRefusals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/releases": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List releases */
        get: operations["listReleases"];
        put?: never;
        /** Make a release */
        post: operations["createRelease"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/releases/{name}/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a release */
        get: operations["getRelease"];
        put?: never;
        post?: never;
        /** Delete a release that no open job installs */
        delete: operations["deleteRelease"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/server": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What this server is and carries */
        get: operations["getServer"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/server/checks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Check certificate, clock, disk, ports, backups and the like */
        get: operations["listChecks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign in by browser: answers with a cookie */
        post: operations["signIn"];
        /** End the session that asks */
        delete: operations["signOut"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session/link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign in by browser with a link that is good once */
        post: operations["signInByLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List one's own sessions */
        get: operations["listSessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** End one of one's sessions */
        delete: operations["endSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/settings/artifacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show who may sign artifacts, and the quota for all of them */
        get: operations["getArtifactTerms"];
        /** Say who may sign artifacts, and how many bytes there may be */
        put: operations["putArtifactTerms"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/settings/hawkbit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show the settings for hawkBit's clients */
        get: operations["getHawkbitSettings"];
        /** Change settings for hawkBit's clients */
        put: operations["putHawkbitSettings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/setup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Does somebody have to set this server up */
        get: operations["getSetup"];
        put?: never;
        /** Make the first administrator and sign in */
        post: operations["setUp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/simulation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Simulated devices that this server runs */
        get: operations["getSimulation"];
        put?: never;
        /** Run simulated devices, or change how many */
        post: operations["startSimulation"];
        /** Stop the simulated devices */
        delete: operations["stopSimulation"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List provisioning templates */
        get: operations["listTemplates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a provisioning template */
        get: operations["getTemplate"];
        /** Make or replace a provisioning template */
        put: operations["putTemplate"];
        post?: never;
        /** Remove a provisioning template; devices that used it stay */
        delete: operations["deleteTemplate"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List API tokens */
        get: operations["listTokens"];
        put?: never;
        /** Make an API token */
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revoke an API token */
        delete: operations["revokeToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/types": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List device types */
        get: operations["listTypes"];
        put?: never;
        /** Make a device type */
        post: operations["createType"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/types/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a device type */
        get: operations["getType"];
        /** Make or replace a device type */
        put: operations["putType"];
        post?: never;
        /** Remove a device type that no device is of */
        delete: operations["deleteType"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List uploads in parts */
        get: operations["listUploads"];
        put?: never;
        /** Announce an upload in parts */
        post: operations["createUpload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uploads/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** See where an upload stands */
        get: operations["getUpload"];
        put?: never;
        post?: never;
        /** Give an upload up */
        delete: operations["deleteUpload"];
        options?: never;
        head?: never;
        /** Go on with an upload: the bytes are the body */
        patch: operations["continueUpload"];
        trace?: never;
    };
    "/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List users */
        get: operations["listUsers"];
        put?: never;
        /** Make a user */
        post: operations["createUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Take the right to sign in away; the name stays, for the audit */
        delete: operations["disableUser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{name}/enable": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Give it back */
        post: operations["enableUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{name}/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Give a new password; one's own, which needs the current one, or anybody's with user.manage */
        put: operations["setPassword"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description An acceptance (`POST /pending/{id}/accept`). */
        AcceptPending: {
            /** @description The device that a certificate belongs to, where it does not say so itself. */
            name?: string | null;
        };
        /** @description How somebody signed in. */
        ActorKind: "user" | "token" | "system" | "device";
        /** @description Something that is wrong, or was. It closes by itself when its condition ends. */
        Alert: {
            /**
             * Format: date-time
             * @description Since when somebody looks after it.
             */
            acknowledgedAt?: string | null;
            /** @description Who does. */
            acknowledgedBy?: string | null;
            /** @description What to do. */
            action: string;
            /**
             * Format: date-time
             * @description When it closed.
             */
            closedAt?: string | null;
            /** @description Why it closed. */
            closedReason?: string | null;
            /**
             * Format: int64
             * @description How often that was, the opening included.
             */
            count: number;
            /** @description What is known. */
            detail: string;
            /** @description The device it is about. */
            device?: string | null;
            /**
             * Format: int64
             * @description Public number; rises with time.
             */
            id: number;
            /**
             * Format: int64
             * @description The job it is about.
             */
            job?: number | null;
            /** @description What is wrong. */
            kind: components["schemas"]["AlertKind"];
            /**
             * Format: date-time
             * @description When what is known last changed.
             */
            lastAt: string;
            /**
             * Format: date-time
             * @description When it opened.
             */
            openedAt: string;
            /**
             * Format: int64
             * @description The entry of the pending queue it is about.
             */
            pending?: number | null;
            /** @description How much it matters. */
            severity: components["schemas"]["Severity"];
            /** @description Whether it is open. */
            state: components["schemas"]["AlertState"];
            /** @description One line that reads alone. */
            subject: string;
        };
        /** @description What is wrong. */
        AlertKind: "deviceOverdue" | "rolloutStopped" | "certificateExpiring" | "diskLow" | "devicePending" | "backupFailed";
        AlertPath: {
            /**
             * Format: int64
             * @description Number of the alert.
             */
            id: number;
        };
        /** @description The query of `GET /alerts`. */
        AlertQuery: {
            /** @description Where to go on: the `cursor` of the page before. */
            cursor?: string | null;
            /** @description Only about this device. */
            device?: string | null;
            /** @description Only of this kind. */
            kind?: components["schemas"]["AlertKind"] | null;
            /**
             * Format: uint32
             * @description Most items in the answer, 1 to 1000; 100 when absent.
             */
            limit?: number | null;
            /** @description Only open, or only closed ones. */
            state?: components["schemas"]["AlertState"] | null;
        };
        /** @description Whether an alert is open. */
        AlertState: "open" | "closed";
        /** @description An external id of a device in one protocol. */
        Alias: {
            /** @description The id as the device writes it, up to 256 bytes. */
            externalId: string;
            /** @description Which protocol's id: `aws`, `hawkbit`, `mender`, `lwm2m`, … */
            protocol: string;
        };
        AliasPath: {
            /** @description The id as the device writes it. */
            externalId: string;
            /** @description Name of the device. */
            name: string;
            /** @description Which protocol's id. */
            protocol: string;
        };
        /** @description What whoever asks may say to something that waits for a second person. */
        Approval: {
            /** @description What may be said. */
            may: components["schemas"]["MayDecide"];
            /** @description Whether nobody may approve it, for nobody can tell who made it: it waits to be denied. */
            nobodyApproves?: boolean;
            /** @description Why no more than that, and who may. */
            why?: string | null;
        };
        /** @description An artifact. */
        Artifact: {
            /** @description What was found in it. Absent where it is part of a component, and of artifacts from before anybody looked. */
            content?: components["schemas"]["ArtifactContent"] | null;
            /**
             * Format: date-time
             * @description When it was uploaded.
             */
            createdAt: string;
            /** @description By whom. */
            createdBy: string;
            /**
             * Format: int64
             * @description Public id.
             */
            id: number;
            /** @description MD5 of the bytes, 32 hex characters; absent in lists while it is not known. */
            md5?: string | null;
            /** @description The file's name as devices see it. */
            name: string;
            /** @description SHA-1 of the bytes, 40 hex characters; absent in lists while it is not known. */
            sha1?: string | null;
            /** @description SHA-256 of the bytes, 64 hex characters. */
            sha256: string;
            /** @description As uploaded, if any. */
            signature?: string | null;
            /**
             * Format: uint64
             * @description Bytes.
             */
            size: number;
            /** @description What needs it. Only where it is asked for by itself or in a list, by somebody who may see releases. */
            usedBy?: components["schemas"]["ArtifactUses"] | null;
        };
        /** @description What was found in an artifact when it was uploaded. */
        ArtifactContent: {
            /** @description What kind of file it is. */
            format: components["schemas"]["ArtifactFormat"];
            /**
             * @description The hardware that it says it is for.
             * @default []
             */
            compatible?: string[];
            /**
             * @description The components that it says it installs.
             * @default []
             */
            components?: components["schemas"]["ArtifactPart"][];
            /**
             * Format: date-time
             * @description End of that certificate's validity.
             */
            notAfter?: string | null;
            /** @description Why the signature is not trusted. */
            reason?: string | null;
            /** @description What its signature is worth. */
            signature: components["schemas"]["SignatureState"];
            /** @description Whose name the signer's certificate has. */
            signedBy?: string | null;
            /**
             * @description Whether a valid signature is by the signers of the whole tenant.
             * @default false
             */
            trustedByTenant?: boolean;
            /**
             * @description Device types with signers of their own, by whom a valid signature is.
             * @default []
             */
            trustedByTypes?: string[];
            /** @description The version that it says it has. */
            version?: string | null;
            /** @description Of a zchunk file. */
            zchunk?: components["schemas"]["ZchunkHeader"] | null;
        };
        /** @description Kinds of files that are told apart. */
        ArtifactFormat: "plain" | "swupdate" | "rauc" | "zchunk";
        /** @description A lasting link to an artifact: whoever has it may download, without any other credential, until it is taken away. */
        ArtifactLink: {
            /** @description From the slash after host and port on; the same on both ports. */
            path: string;
            /**
             * Format: uint64
             * @description Bytes that went out over it since the server started.
             */
            sentBytes: number;
            /** @description The whole address, where the server has a public URL. */
            url?: string | null;
        };
        /** @description A component that a file says it installs. */
        ArtifactPart: {
            /** @description Its name. */
            name: string;
            /** @description Its version. */
            version: string;
        };
        ArtifactPath: {
            /**
             * Format: int64
             * @description Id of the artifact.
             */
            id: number;
        };
        /** @description What a tenant wants of all its artifacts, and where it stands. */
        ArtifactTerms: {
            /**
             * Format: uint64
             * @description What the server allows.
             */
            allowedBytes: number;
            /**
             * Format: uint64
             * @description Most bytes of all artifacts together, if the tenant set its own bound.
             * @default null
             */
            quotaBytes?: number | null;
            /** @description Whether every device takes signed software only. */
            requireSignature: boolean;
            /** @description Whose signatures count where a device type names nobody. */
            signers: string[];
            /**
             * Format: date-time
             * @description When it last changed.
             * @default null
             */
            updatedAt?: string | null;
            /**
             * Format: uint64
             * @description Bytes of all artifacts, each counted though others have the same bytes, and of what unfinished uploads announced.
             */
            usedBytes: number;
            /**
             * Format: int64
             * @description Grows with every change; 0 where nothing was set.
             */
            version: number;
        };
        /** @description What needs an artifact: while anything does, it cannot be deleted. */
        ArtifactUses: {
            /** @description Components that it is part of. */
            components: components["schemas"]["ComponentName"][];
            /** @description Whether there are more than are told. */
            more: boolean;
            /** @description Releases of those components. */
            releases: components["schemas"]["NameVersion"][];
        };
        /** @description The key that seals are signed with (`GET /audit/key`). */
        AuditKey: {
            /** @description P-256 public key, PEM (SubjectPublicKeyInfo). */
            publicKeyPem: string;
        };
        /** @description One audit record. */
        AuditRecord: {
            /** @description What was done: `device.create`, … */
            action: string;
            /** @description Who: `user:anna`, `token:ci`, `system`. */
            actor: string;
            /**
             * Format: date-time
             * @description When.
             */
            at: string;
            /** @description The rest of what was done. */
            details: unknown;
            /** @description Hash of this record and of all before it, 64 hex characters; absent until it is sealed, within seconds. */
            hash?: string | null;
            /**
             * Format: int64
             * @description Its place in the chain.
             */
            seq: number;
            /** @description To what: `device:pump-1`, … */
            target: string;
        };
        /** @description A saved query that assigns a release to whatever it finds, made with hawkBit's Management API. */
        AutoAssignment: {
            /** @description For people. */
            description?: string | null;
            /** @description What whoever asks may say to it, while it waits for approval. */
            approval?: components["schemas"]["Approval"] | null;
            /** @description Who asked for it as it is now, such as `user admin`: somebody else must approve it. */
            askedBy: string;
            /**
             * Format: date-time
             * @description When it was changed last.
             */
            changedAt: string;
            /** @description Whether each device's user must agree first. */
            consent: boolean;
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /** @description What a second person said. */
            decision?: components["schemas"]["AutoAssignmentDecision"] | null;
            /** @description What devices are told. */
            handling: components["schemas"]["Handling"];
            /**
             * Format: int64
             * @description Its number, which its query has in hawkBit's API.
             */
            id: number;
            /** @description What people call it. */
            name: string;
            /** @description Which devices get it, in hawkBit's query language. */
            query: string;
            /** @description What they get; absent for those who may not see releases. */
            release?: components["schemas"]["NameVersion"] | null;
            /**
             * Format: date-time
             * @description From when on it begins by itself once it may; absent where somebody has to start it.
             */
            startsAt?: string | null;
            /** @description How far it is. */
            state: components["schemas"]["AutoAssignmentState"];
            /**
             * Format: int64
             * @description Changes with each change; also the `ETag`.
             */
            version: number;
        };
        /** @description What a second person said of an auto assignment. */
        AutoAssignmentDecision: {
            /** @description Who. */
            by: string;
            /** @description Why; may be empty. */
            remark: string;
        };
        AutoAssignmentPath: {
            /**
             * Format: int64
             * @description Number of the auto assignment.
             */
            id: number;
        };
        /** @description The query of `GET /auto-assignments`. */
        AutoAssignmentQuery: {
            /** @description Where to go on: the `cursor` of the page before. */
            cursor?: string | null;
            /**
             * Format: uint32
             * @description Most items in the answer, 1 to 1000; 100 when absent.
             */
            limit?: number | null;
            /** @description Only those that are so far. */
            state?: components["schemas"]["AutoAssignmentState"] | null;
        };
        /** @description How far an auto assignment is. */
        AutoAssignmentState: "waitingForApproval" | "denied" | "ready" | "running" | "paused";
        /** @description Tries again after a pause that doubles each time. */
        Backoff: {
            /**
             * @description Only after failures with one of these codes; empty: after any.
             * @default []
             */
            codes?: string[];
            /**
             * Format: uint64
             * @description Before the second try.
             */
            firstSeconds: number;
            /**
             * Format: uint64
             * @description Never longer than this.
             */
            longestSeconds: number;
        };
        /** @description A backup. */
        Backup: {
            /**
             * Format: uint64
             * @description Of the file.
             */
            bytes: number;
            /**
             * Format: date-time
             * @description Of what moment it is; of a failed one: when it failed.
             */
            createdAt: string;
            /** @description Why it failed; of a complete one, what else went wrong while it was made. */
            detail?: string | null;
            /** @description Its file's name. */
            name: string;
            /** @description How it is closed. */
            sealed: components["schemas"]["Sealed"];
            /** @description How it went. */
            state: components["schemas"]["BackupState"];
            /** @description Of the program that made it. */
            version: string;
        };
        BackupPath: {
            /** @description The file's name. */
            name: string;
        };
        /** @description When backups are made and where they are kept. */
        BackupSchedule: {
            /** @description Where, on the server. */
            directory: string;
            /**
             * Format: uint64
             * @description Seconds between two of them; absent: on demand only.
             */
            everySeconds?: number | null;
            /**
             * Format: uint64
             * @description How many stay.
             */
            keep: number;
            /**
             * Format: date-time
             * @description When the next one is due.
             */
            nextAt?: string | null;
        };
        /** @description How a backup went. */
        BackupState: "running" | "complete" | "failed";
        /** @description All backups (`GET /backups`), newest first. */
        Backups: {
            /** @description What there is. */
            items: components["schemas"]["Backup"][];
            /** @description Absent when no directory for backups is configured. */
            schedule?: components["schemas"]["BackupSchedule"] | null;
        };
        /** @description When a job begins to offer work. */
        Begin: "now" | "manually" | {
            /** Format: date-time */
            at: string;
        };
        /** @description What a bulk action did. */
        BulkResult: {
            /**
             * Format: uint64
             * @description Devices that changed.
             */
            changed: number;
            /**
             * Format: uint64
             * @description Devices that matched.
             */
            matched: number;
        };
        /** @description Tags for every device that matches (`POST /devices/tags`). */
        BulkTags: {
            /** @description Words to add. */
            add?: string[];
            /** @description Which devices, in the query language. Never a page: all that match. */
            q: string;
            /** @description Words to remove. */
            remove?: string[];
        };
        /** @description The query of a cancellation on one device (`POST /executions/{id}/cancel`). */
        CancelExecutionQuery: {
            /**
             * @description End it without asking the device: `true` or `false`; `false` when absent.
             * @default false
             */
            force?: boolean;
        };
        /** @description The query of a cancellation. */
        CancelQuery: {
            /**
             * @description Withdraw it from everybody without asking, whatever `inProgressToo` says: `true` or `false`; `false` when absent.
             * @default false
             */
            force?: boolean;
            /**
             * @description End it also where devices work on it: `true` or `false`; `false` when absent. Those that came over hawkBit's interface
             *      are asked to stop, and the job is `stopping` until they answer or their time is over; from others it is withdrawn.
             * @default false
             */
            inProgressToo?: boolean;
        };
        /** @description A way by which people are told of alerts. */
        Channel: {
            /** @description Only these kinds of alerts; empty is all. */
            alerts: components["schemas"]["AlertKind"][];
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /** @description Whether anything is sent. */
            enabled: boolean;
            /** @description How it reaches people. */
            kind: components["schemas"]["ChannelKind"];
            /** @description How the latest try went; absent before the first. */
            lastDelivery?: components["schemas"]["LastDelivery"] | null;
            /** @description Nothing that matters less. */
            minimumSeverity: components["schemas"]["Severity"];
            /** @description 1 to 64 of letters, digits, `: _ . -`. */
            name: string;
            /** @description The signing secret, only in the answer to the request by which the server made it. */
            secret?: string | null;
            /** @description Of mail: to whom. */
            to?: string[] | null;
            /**
             * Format: date-time
             * @description When it last changed.
             */
            updatedAt: string;
            /** @description Of a webhook: where to. */
            url?: string | null;
            /**
             * Format: int64
             * @description Rises by one with every change; the `ETag`.
             */
            version: number;
        };
        /** @description How a channel reaches people. */
        ChannelKind: "webhook" | "email";
        ChannelPath: {
            /** @description Name of the channel. */
            name: string;
        };
        /** @description What a channel is to be (`PUT /notifications/{name}`). */
        ChannelSpec: {
            /**
             * @description Only these kinds of alerts; empty is all.
             * @default []
             */
            alerts?: components["schemas"]["AlertKind"][];
            /**
             * @description Whether anything is sent; true when absent.
             * @default true
             */
            enabled?: boolean;
            /** @description How it reaches people. */
            kind: components["schemas"]["ChannelKind"];
            /**
             * @description Nothing that matters less; `info` when absent.
             * @default info
             */
            minimumSeverity?: components["schemas"]["Severity"];
            /**
             * @description Of a webhook: what messages are signed with, `whsec_` and the base64 of 24 to 64 bytes. Absent: the present one
             *      stays, and a new webhook gets one that the answer shows this once.
             */
            secret?: string | null;
            /** @description Of mail: 1 to 20 addresses. */
            to?: string[] | null;
            /** @description Of a webhook: where to, `https://…`. */
            url?: string | null;
        };
        /** @description One check. */
        Check: {
            /** @description What to do; empty where there is nothing to do. */
            action: string;
            /** @description What was looked at: `certificate`, `clock`, `disk`, … */
            check: string;
            /** @description What was found, in a sentence. */
            detail: string;
            /** @description How it came out. */
            state: components["schemas"]["CheckState"];
        };
        /** @description How a check came out. */
        CheckState: "ok" | "warning" | "problem";
        /** @description All checks (`GET /server/checks`). */
        Checks: {
            /** @description In the order in which they were made. */
            items: components["schemas"]["Check"][];
        };
        /** @description A claim. */
        Claim: {
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /** @description SHA-256 of its certificate, 64 hex characters. */
            fingerprint: string;
            /** @description Unique in the tenant. */
            name: string;
            /**
             * Format: date-time
             * @description Good until.
             */
            notAfter: string;
            /** @description Where its certificate stands. */
            status: components["schemas"]["CredentialStatus"];
            /** @description Templates it may use; empty means every template of the tenant. */
            templates: string[];
        };
        ClaimPath: {
            /** @description Name of the claim. */
            name: string;
        };
        ClassicPath: {
            /** @description Name of the device. */
            name: string;
        };
        /** @description Why an alert is closed by hand (`POST /alerts/{id}/close`). */
        Closing: {
            /**
             * @description Kept with the alert, up to 256 bytes.
             * @default
             */
            reason?: string;
        };
        /** @description What a job tells devices to do. */
        Command: {
            /** @description How. */
            arguments: {
                [key: string]: unknown;
            };
            /** @description What is to be done. */
            command: string;
            /**
             * Format: date-time
             * @description From when on no device gets it any more; absent while its job has not begun.
             */
            expiresAt?: string | null;
            /** @description The template that it was made with. */
            template?: string | null;
        };
        /** @description The query of a command. */
        CommandQuery: {
            /** @description How long to wait for the end of it: `0s` to `60s`; no wait when absent. */
            wait?: string | null;
        };
        /** @description A command on one device, and what the device answered. */
        CommandResult: {
            /** @description What an operator can do about it; may be empty. */
            action: string;
            /** @description How. */
            arguments: {
                [key: string]: unknown;
            };
            /** @description What is to be done. */
            command: string;
            /** @description Which device; absent if it is gone. */
            device?: string | null;
            /**
             * Format: date-time
             * @description When it ended.
             */
            endedAt?: string | null;
            /**
             * Format: int64
             * @description That job's life on the device.
             */
            execution: number;
            /**
             * Format: int64
             * @description The exit code, if the device gave one.
             */
            exitCode?: number | null;
            /**
             * Format: date-time
             * @description From when on the device does not get it any more.
             */
            expiresAt?: string | null;
            /**
             * Format: int64
             * @description The job that carries it.
             */
            job: number;
            /** @description How it counts: a command whose device gave another exit code than 0 has failed, whatever its state. */
            outcome: components["schemas"]["Outcome"];
            /** @description What the command printed, at most 4 KiB. */
            output?: string | null;
            /** @description Where longer output is. */
            outputUrl?: string | null;
            /**
             * Format: date-time
             * @description When it was sent.
             */
            queuedAt: string;
            /** @description Why it ended as it did; empty while open. */
            reason: string;
            /** @description What the protocol said. */
            state: components["schemas"]["ExecutionState"];
            /** @description One sentence on why it stands where it stands. */
            why: string;
        };
        /** @description A command template. */
        CommandTemplate: {
            /** @description For people. */
            description: string;
            /** @description What it tells devices to do. */
            command: string;
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /** @description The types that it is for; empty: all. */
            deviceTypes: string[];
            /**
             * Format: uint64
             * @description How long its commands are good if whoever sends one does not say.
             */
            expiresInSeconds?: number | null;
            /** @description What is always sent. */
            fixedArguments: {
                [key: string]: unknown;
            };
            /** @description 1 to 64 of letters, digits, `: _ . -`. */
            name: string;
            /** @description What may be given. */
            parameters: components["schemas"]["Parameter"][];
            /**
             * Format: date-time
             * @description When it last changed.
             */
            updatedAt: string;
            /**
             * Format: int64
             * @description Rises by one with every change; the `ETag`.
             */
            version: number;
        };
        /** @description What a command template says (`PUT /command-templates/{name}`). */
        CommandTemplateSpec: {
            /**
             * @description For people.
             * @default
             */
            description?: string;
            /** @description What it tells devices to do. */
            command: string;
            /**
             * @description The types that it is for; all when absent.
             * @default []
             */
            deviceTypes?: string[];
            /**
             * Format: uint64
             * @description How long its commands are good if whoever sends one does not say.
             */
            expiresInSeconds?: number | null;
            /**
             * @description What is always sent.
             * @default {}
             */
            fixedArguments?: {
                [key: string]: unknown;
            };
            /**
             * @description What may be given.
             * @default []
             */
            parameters?: components["schemas"]["Parameter"][];
        };
        /** @description A component: one version of one piece of software. */
        Component: {
            /** @description `application`, `os`, `firmware`, or any word. */
            type: string;
            /** @description Its artifacts, in order. */
            artifacts: components["schemas"]["Artifact"][];
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /** @description Its name. */
            name: string;
            /** @description The releases that it is part of, at most 20. Only where one component is asked for. */
            releases?: components["schemas"]["NameVersion"][] | null;
            /** @description Its version. */
            version: string;
        };
        /** @description Which component. Its type may be left out while no other one has that name and version. */
        ComponentName: {
            /** @description Its type. */
            type?: string | null;
            /** @description Its name. */
            name: string;
            /** @description Its version. */
            version: string;
        };
        /** @description The query of what is about one component. */
        ComponentQuery: {
            /** @description Its type; needed where there are several of that name and version. */
            type?: string | null;
        };
        /** @description Taking in devices that match later. */
        Continuous: {
            /**
             * Format: uint64
             * @description Most devices of one later wave, 1 to 20000.
             */
            waveSize: number;
        };
        /** @description How many devices stand where. */
        Counts: {
            /**
             * Format: uint64
             * @description Withdrawn.
             */
            canceled: number;
            /**
             * Format: uint64
             * @description Failed, rejected, timed out, rolled back, not seen in time, or with another exit code than 0.
             */
            failed: number;
            /**
             * Format: uint64
             * @description Being worked on.
             */
            inProgress: number;
            /**
             * Format: uint64
             * @description Offered, not picked up.
             */
            queued: number;
            /**
             * Format: uint64
             * @description Never offered, or gone since: out of service or of another type when their turn came.
             */
            skipped: number;
            /**
             * Format: uint64
             * @description Verified or unverifiable.
             */
            succeeded: number;
            /**
             * Format: uint64
             * @description All devices of the job or wave.
             */
            targets: number;
            /**
             * Format: uint64
             * @description Devices that say they are done; the new version has not shown yet.
             */
            verifying: number;
            /**
             * Format: uint64
             * @description Not offered yet.
             */
            waiting: number;
        };
        /** @description A new claim with what a device needs to use it. The key is shown this once and kept nowhere. */
        CreatedClaim: {
            /** @description Root and issuing CA, PEM: what the device trusts. */
            caPem: string;
            /** @description The certificate and the issuing CA, PEM. */
            certificatePem: string;
            /** @description What was made. */
            claim: components["schemas"]["Claim"];
            /** @description The private key, PEM (PKCS #8); absent when a request was signed. */
            privateKeyPem?: string | null;
        };
        /** @description A new token. The secret is shown this once. */
        CreatedToken: {
            /** @description For `Authorization: Bearer …`, or as the password of an MQTT application client. */
            secret: string;
            /** @description What was made. */
            token: components["schemas"]["Token"];
        };
        /** @description A certificate of a device. */
        Credential: {
            /**
             * Format: date-time
             * @description When it became good.
             */
            activatedAt?: string | null;
            /** @description The certificate itself, PEM. */
            certificatePem: string;
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /** @description Whose it is; absent for the certificate of a claim. */
            device?: string | null;
            /** @description Why it did. */
            endReason?: string | null;
            /**
             * Format: date-time
             * @description When it stopped being good before its time.
             */
            endedAt?: string | null;
            /** @description SHA-256 of the certificate, 64 hex characters; its id in the device protocols. */
            fingerprint: string;
            /**
             * Format: int64
             * @description Public id.
             */
            id: number;
            /**
             * Format: date-time
             * @description Good until.
             */
            notAfter: string;
            /**
             * Format: date-time
             * @description Good from.
             */
            notBefore: string;
            /** @description Serial number, hex. */
            serial: string;
            /** @description Where it stands. */
            status: components["schemas"]["CredentialStatus"];
        };
        CredentialPath: {
            /**
             * Format: int64
             * @description Id of the credential.
             */
            id: number;
        };
        /** @description Where a credential stands. */
        CredentialStatus: "pending" | "active" | "superseded" | "revoked" | "expired";
        /** @description What becomes of telemetry, shadows and events. Audit records stay. */
        DataFate: "keep" | "erase";
        /** @description What a second person said of a job. */
        Decision: {
            /** @description Yes or no. */
            approved: boolean;
            /**
             * Format: date-time
             * @description When.
             */
            at: string;
            /** @description Who. */
            by: string;
            /** @description Why; may be empty. */
            remark: string;
        };
        /** @description How a device goes out of service (`POST /devices/{name}/decommission`). Without a body: at once, keeping its data. */
        Decommission: {
            /** @description The device's name once more; refused if it is another one. */
            confirm?: string | null;
            /** @description `keep` when absent. */
            data?: components["schemas"]["DataFate"] | null;
            /** @description What it does first; it stays in service until that has ended or the time is up. */
            wipe?: components["schemas"]["Wipe"] | null;
        };
        /** @description What decommissioning would do. */
        DecommissionPreview: {
            /**
             * Format: uint64
             * @description Devices that hang on it.
             */
            children: number;
            /**
             * Format: uint64
             * @description Certificates that would be revoked.
             */
            credentials: number;
            /** @description Sentences for people. */
            effects: string[];
            /**
             * Format: uint64
             * @description Jobs that would be taken from it.
             */
            openExecutions: number;
            /**
             * Format: uint64
             * @description Telemetry points that are stored, texts not counted.
             */
            points: number;
            /**
             * Format: uint64
             * @description Shadows that are stored.
             */
            shadows: number;
        };
        /** @description What to foresee (`GET /devices/{name}/decommission`). */
        DecommissionQuery: {
            /** @description `keep` when absent. */
            data?: components["schemas"]["DataFate"] | null;
            /**
             * @description Whether the device is to wipe itself first.
             * @default false
             */
            wipe?: boolean;
        };
        /** @description A device on its way out of service. */
        Decommissioning: {
            /**
             * Format: date-time
             * @description Since when.
             */
            since: string;
            /**
             * Format: date-time
             * @description Until when its answer is awaited.
             */
            until: string;
            /**
             * Format: int64
             * @description The job that carries the wipe.
             */
            wipeJob: number;
        };
        /** @description How to remove a device (`DELETE /devices/{name}`). */
        DeleteDevice: {
            /**
             * @description Removes what is left of a decommissioned device, so that its name may be given to another one.
             * @default false
             */
            reuseName?: boolean;
        };
        /** @description The query of `DELETE /releases/{name}/{version}`. */
        DeleteReleaseQuery: {
            /**
             * @description Also those of its components that no other release has.
             * @default false
             */
            componentsToo?: boolean;
        };
        /** @description A notification on its way to a channel, or at its end. */
        Delivery: {
            /**
             * Format: int64
             * @description Of which alert, if it is of one.
             */
            alert?: number | null;
            /**
             * Format: uint32
             * @description Tries that were begun.
             */
            attempts: number;
            /**
             * Format: date-time
             * @description When it was written.
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it was taken.
             */
            deliveredAt?: string | null;
            /** @description What it tells. */
            event: components["schemas"]["Telling"];
            /**
             * Format: int64
             * @description Public number; rises with time.
             */
            id: number;
            /** @description Why the last try failed. */
            lastError?: string | null;
            /** @description The id that the receiver sees, the same for every try. */
            messageId: string;
            /**
             * Format: date-time
             * @description When it is tried next, while it waits.
             */
            nextAt?: string | null;
            /** @description Where it stands. */
            state: components["schemas"]["DeliveryState"];
        };
        /** @description Where a notification stands. */
        DeliveryState: "waiting" | "delivered" | "failed";
        /** @description A change of the desired section (`PATCH`): a merge, `null` removes a member. */
        DesiredPatch: {
            /** @description An object to merge into the desired section; `null` clears the section. */
            desired: unknown;
        };
        /** @description A managed device. */
        Device: {
            /** @description Its device type, if any. */
            type?: string | null;
            /** @description External ids under which it may also address itself. */
            aliases: components["schemas"]["Alias"][];
            /** @description Set by operators. */
            attributes: {
                [key: string]: string;
            };
            /**
             * Format: uint64
             * @description How many devices hang on it, of those that you may see: `GET /devices?q=parent==<name>`.
             */
            children: number;
            /**
             * Format: date-time
             * @description When the record was made.
             */
            createdAt: string;
            /** @description Set while it is to wipe itself before it goes out of service. */
            decommissioning?: components["schemas"]["Decommissioning"] | null;
            /**
             * Format: date-time
             * @description First contact, if there was one.
             */
            firstSeenAt?: string | null;
            /** @description Static groups it is in. */
            groups: string[];
            /** @description Reported by the device. */
            inventory: {
                [key: string]: string;
            };
            /** @description Whether it speaks for children. */
            kind: components["schemas"]["DeviceKind"];
            /**
             * Format: date-time
             * @description When it was last heard.
             */
            lastContactAt?: string | null;
            /** @description Why its last connection ended, where it has none. */
            lastDisconnect?: string | null;
            /** @description Where it stands in its life. */
            lifecycle: components["schemas"]["Lifecycle"];
            /** @description Public id, unique in the tenant, case-sensitive. */
            name: string;
            /** @description Connected or reachable. */
            online: boolean;
            /** @description The gateway it hangs on, if any. */
            parent?: string | null;
            /** @description Whether it can be reached. */
            presence: components["schemas"]["Presence"];
            /**
             * Format: date-time
             * @description Until when an enrolment may replace its credential, where an operator opened such a window.
             */
            reprovisionUntil?: string | null;
            /** @description Bare words. */
            tags: string[];
            /**
             * Format: date-time
             * @description When the record last changed.
             */
            updatedAt: string;
            /**
             * Format: int64
             * @description Rises by one with every change of this record; the `ETag`.
             */
            version: number;
        };
        /** @description What a device is to others. */
        DeviceKind: "device" | "gateway";
        /** @description A change of a device (`PATCH /devices/{name}`): absent members stay, `null` clears. */
        DevicePatch: {
            /** @description An existing device type; `null` for none. */
            type?: string | null;
            /** @description Words to add. */
            addTags?: string[];
            /** @description Values to set; `null` removes one. */
            attributes?: {
                [key: string]: string | null;
            };
            /** @description Whether it speaks for children. */
            kind?: components["schemas"]["DeviceKind"] | null;
            /** @description An existing gateway; `null` for none. */
            parent?: string | null;
            /** @description Words to remove. */
            removeTags?: string[];
        };
        DevicePath: {
            /** @description Name of the device. */
            name: string;
        };
        DevicePath10: {
            /** @description Name of the device. */
            name: string;
        };
        DevicePath2: {
            /** @description Name of the device. */
            name: string;
        };
        DevicePath3: {
            /** @description Name of the device. */
            name: string;
        };
        DevicePath4: {
            /** @description Name of the device. */
            name: string;
        };
        DevicePath5: {
            /** @description Name of the device. */
            name: string;
        };
        DevicePath6: {
            /** @description Name of the device. */
            name: string;
        };
        DevicePath7: {
            /** @description Name of the device. */
            name: string;
        };
        DevicePath8: {
            /** @description Name of the device. */
            name: string;
        };
        DevicePath9: {
            /** @description Name of the device. */
            name: string;
        };
        /** @description What an operator says about a device (`PUT /devices/{name}` replaces it as a whole). */
        DeviceSpec: {
            /** @description An existing device type. */
            type?: string | null;
            /** @description At most 100, values up to 4,000 characters, 115,200 bytes together. */
            attributes?: {
                [key: string]: string;
            };
            /** @description `device` when absent. */
            kind?: components["schemas"]["DeviceKind"] | null;
            /** @description An existing device of kind gateway. */
            parent?: string | null;
            /** @description At most 100 words. */
            tags?: string[];
        };
        /** @description The token that a device shows to hawkBit's interface. */
        DeviceToken: {
            /**
             * Format: date-time
             * @description Since when it is this one.
             */
            createdAt: string;
            /** @description The secret: `Authorization: TargetToken <token>`. */
            token: string;
        };
        /** @description A device type. */
        DeviceType: {
            /**
             * @description For people.
             * @default
             */
            description?: string;
            /**
             * Format: uint64
             * @description How often such a device is expected to be in contact; 3600 when absent.
             */
            contactIntervalSeconds?: number | null;
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /**
             * @description Attributes that new devices of this type start with.
             * @default {}
             */
            defaultAttributes?: {
                [key: string]: string;
            };
            /** @description What people call it, where it was given another name over hawkBit's API. */
            displayName?: string | null;
            /** @description Public id. */
            name: string;
            /**
             * @description Whether the device can renew its certificate; decides the certificate's lifetime.
             * @default false
             */
            renewsCertificate?: boolean;
            /**
             * @description Whether only software that one of them signed may be released for such devices.
             * @default false
             */
            requireSignature?: boolean;
            /**
             * @description Certificates (PEM, at most 16) of those who sign software for such devices, or of authorities that certify them.
             * @default []
             */
            signers?: string[];
            /**
             * @description Topics outside the contract that its devices publish to.
             * @default []
             */
            topicMap?: components["schemas"]["TopicMapping"][];
            /**
             * Format: date-time
             * @description When it last changed.
             */
            updatedAt: string;
            /**
             * Format: uint64
             * @description How long to wait for the new version after the device said it succeeded; 1800 when absent.
             */
            verifyTimeoutSeconds?: number | null;
            /**
             * Format: int64
             * @description Rises by one with every change; the `ETag`.
             */
            version: number;
            /**
             * @description Where component versions show, tried in order. When absent: reported `firmware.version`, then reported
             *      `components.{component}`.
             */
            versionSources?: components["schemas"]["VersionSource"][] | null;
        };
        /** @description Why a device stands where it stands with a job. */
        DeviceUpdate: {
            /** @description What an operator can do about it; may be empty. */
            action: string;
            /**
             * Format: int64
             * @description The device's execution, if it was offered work.
             */
            execution?: number | null;
            /**
             * Format: int64
             * @description The job.
             */
            job: number;
            /** @description Where that stands. */
            jobState: components["schemas"]["JobState"];
            /** @description How it counts, if it was offered work. */
            outcome?: components["schemas"]["Outcome"] | null;
            /** @description What it installs; also once that was deleted. */
            release?: components["schemas"]["JobRelease"] | null;
            /** @description What the protocol said of it. */
            state?: components["schemas"]["ExecutionState"] | null;
            /** @description One sentence on why it stands where it stands. */
            why: string;
        };
        /** @description How fast the devices of a job may download together. */
        DownloadRate: {
            /** @description Counted for each value of this attribute by itself; absent: for the whole job. */
            by?: string | null;
            /**
             * Format: uint64
             * @description Bytes per second, at least 1024. Each node keeps it by itself: several nodes together may send as many times as much.
             */
            bytesPerSecond: number;
        };
        /** @description Something that happened to a device. Repetitions within a minute are one event with a count. */
        Event: {
            /**
             * Format: int64
             * @description How often within its minute.
             */
            count: number;
            /** @description A sentence. */
            detail: string;
            /** @description To which device; absent if it is gone. */
            device?: string | null;
            /**
             * Format: date-time
             * @description First time.
             */
            firstAt: string;
            /**
             * Format: int64
             * @description Public id; rises with time.
             */
            id: number;
            /** @description What: `connected`, `disconnected`, `topicRefused`, … */
            kind: string;
            /**
             * Format: date-time
             * @description Last time.
             */
            lastAt: string;
            /** @description How much it matters. */
            severity: components["schemas"]["Severity"];
        };
        /** @description A job's life on one device. */
        Execution: {
            /** @description What an operator can do about it; may be empty. */
            action: string;
            /**
             * Format: date-time
             * @description When the device was asked to stop, if it was and has not answered.
             */
            cancelAskedAt?: string | null;
            /** @description Whether somebody still has to agree before the device may begin. */
            consentAwaited: boolean;
            /** @description What the device last reported, such as `phase` and `progress`. */
            details: {
                [key: string]: string;
            };
            /** @description On which device; absent if it is gone. */
            device?: string | null;
            /**
             * Format: uint64
             * @description Bytes of all files of an update.
             */
            downloadBytes?: number | null;
            /**
             * Format: uint64
             * @description Bytes that went out to the device, over all files of an update, those that went out twice counted once.
             */
            downloadedBytes?: number | null;
            /**
             * Format: date-time
             * @description When the protocol said its last word.
             */
            endedAt?: string | null;
            /**
             * Format: int64
             * @description The exit code of a command, if the device gave one.
             */
            exitCode?: number | null;
            /**
             * Format: date-time
             * @description From when on the device does not get it any more, for commands.
             */
            expiresAt?: string | null;
            /**
             * Format: date-time
             * @description Not shown to the device before this.
             */
            heldUntil?: string | null;
            /**
             * Format: int64
             * @description Public id.
             */
            id: number;
            /**
             * Format: int64
             * @description Of which job.
             */
            job: number;
            /**
             * Format: int64
             * @description 1 for the first try on this device, one more for each retry; less where it was left out and got it since.
             */
            number: number;
            /** @description How it counts. */
            outcome: components["schemas"]["Outcome"];
            /** @description What a command printed, at most 4 KiB. */
            output?: string | null;
            /** @description Where longer output is. */
            outputUrl?: string | null;
            /**
             * Format: date-time
             * @description When it was offered.
             */
            queuedAt: string;
            /** @description Why it ended as it did; empty while open. */
            reason: string;
            /**
             * Format: date-time
             * @description When the device took it up.
             */
            startedAt?: string | null;
            /** @description What the protocol said. */
            state: components["schemas"]["ExecutionState"];
            /**
             * Format: int64
             * @description The last status code that the device gave (hawkBit).
             */
            statusCode?: number | null;
            /**
             * Format: date-time
             * @description When it last changed.
             */
            updatedAt: string;
            /** @description The truth. */
            verdict: components["schemas"]["Verdict"];
            /**
             * Format: uint32
             * @description In which wave, from 1.
             */
            wave: number;
            /** @description One sentence on why it stands where it stands. */
            why: string;
        };
        ExecutionPath: {
            /**
             * Format: int64
             * @description Id of the execution.
             */
            id: number;
        };
        ExecutionPath2: {
            /**
             * Format: int64
             * @description Id of the execution.
             */
            id: number;
        };
        /** @description The query of a list of executions. */
        ExecutionQuery: {
            /** @description Where to go on: the `cursor` of the page before. */
            cursor?: string | null;
            /** @description Only those on the device of this name. */
            device?: string | null;
            /**
             * Format: uint32
             * @description Most items in the answer, 1 to 1000; 100 when absent.
             */
            limit?: number | null;
            /** @description Only those that count so. */
            outcome?: components["schemas"]["Outcome"] | null;
            /** @description Only those in this state. */
            state?: components["schemas"]["ExecutionState"] | null;
            /** @description Only those with this verdict. */
            verdict?: components["schemas"]["Verdict"] | null;
        };
        /** @description What the protocol said about a job on one device; final there. */
        ExecutionState: "queued" | "inProgress" | "succeeded" | "failed" | "rejected" | "timedOut" | "canceled" | "removed";
        /** @description Which devices to export (`GET /devices/export`). */
        ExportQuery: {
            /** @description In the query language; all when absent. */
            q?: string | null;
        };
        /** @description One value of a facet and how many matching items have it. */
        FacetCount: {
            /**
             * Format: uint64
             * @description How many of all matching items, not only of this page.
             */
            count: number;
            /** @description The value. */
            value: string;
        };
        /** @description Failures with the same reason (`GET /jobs/{id}/failures`). */
        FailureCluster: {
            /**
             * Format: uint64
             * @description On how many devices.
             */
            count: number;
            /** @description Why. */
            reason: string;
            /** @description What the protocol said. */
            state: components["schemas"]["ExecutionState"];
            /** @description What is true. */
            verdict: components["schemas"]["Verdict"];
        };
        /** @description When failures stop the job. Either bound stops it. */
        FailureThreshold: {
            /**
             * Format: uint64
             * @description More failures than this stop the job at once.
             */
            count?: number | null;
            /**
             * Format: uint64
             * @description How many must have finished before the percentage means anything; 1 when absent.
             * @default 1
             */
            minimum?: number;
            /**
             * @description Whether the percentage is of all devices instead of those that have finished.
             * @default false
             */
            ofAll?: boolean;
            /**
             * Format: uint8
             * @description More failures than this percentage stop the job.
             */
            percent?: number | null;
            /**
             * @description Counted where; `wave` when absent.
             * @default wave
             */
            scope?: components["schemas"]["ThresholdScope"];
        };
        /** @description One thing wrong with one field. */
        FieldProblem: {
            /** @description Where: `name`, `waves.0.percent`, a query parameter, or a header. Empty for the body as a whole. */
            field: string;
            /** @description What is wrong: a phrase that follows the field's name, or one that says itself what it is about. */
            problem: string;
        };
        /** @description A key and a certificate made by the server (`POST /devices/{name}/credentials/generate`). Shown this once. */
        GeneratedCredential: {
            /** @description Root and issuing CA, PEM: what the device trusts. */
            caPem: string;
            /** @description The certificate and the issuing CA, PEM: what the device presents. */
            certificatePem: string;
            /** @description What was made. */
            credential: components["schemas"]["Credential"];
            /** @description The key, PKCS #8, PEM. Kept nowhere. */
            privateKeyPem: string;
        };
        /** @description A static group. */
        Group: {
            /** @description For people. */
            description: string;
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /**
             * Format: uint64
             * @description How many devices are in it.
             */
            deviceCount: number;
            /** @description Its place in the tree, such as `eu/berlin/plant-3`. */
            path: string;
        };
        /** @description What can be changed of a group (`PUT /groups/{path}`, which also creates). */
        GroupSpec: {
            /**
             * @description For people.
             * @default
             */
            description?: string;
        };
        /** @description What devices are told about an update's urgency. */
        Handling: "soft" | "forced" | "timeForced" | "downloadOnly";
        /** @description One setting. */
        HawkbitSetting: {
            /** @description Whether nothing was set. */
            isDefault: boolean;
            /** @description hawkBit's name for it, such as `pollingTime`. */
            key: string;
            /** @description What holds: true or false, a number or text; absent where it is a secret that you may not see. */
            value?: unknown;
        };
        /** @description The settings of the tenant for hawkBit's clients. */
        HawkbitSettings: {
            /** @description All of them. */
            settings: components["schemas"]["HawkbitSetting"][];
        };
        /** @description A change of settings (`PUT /settings/hawkbit`). */
        HawkbitSettingsChange: {
            /** @description Value by key. `null` takes a setting back to its default; what is not named stays. */
            values: {
                [key: string]: unknown;
            };
        };
        /** @description What a row does. */
        ImportAction: "create" | "update" | "unchanged" | "error";
        /** @description One thing wrong with one row. */
        ImportProblem: {
            /** @description Which column. */
            field: string;
            /**
             * Format: uint64
             * @description Its line in a CSV file.
             */
            line?: number | null;
            /** @description The name in it. */
            name: string;
            /** @description What is wrong and what is allowed. */
            problem: string;
            /**
             * Format: uint64
             * @description Which row; 1 is the first one with data.
             */
            row: number;
        };
        /** @description How to import (`POST /devices/import`). */
        ImportQuery: {
            /**
             * @description Only say what would happen.
             * @default false
             */
            dryRun?: boolean;
            /** @description `abort` when absent. */
            onError?: components["schemas"]["OnError"] | null;
        };
        /** @description What an import did, or would do. */
        ImportReport: {
            /** @description Set if nothing was imported because of bad rows. */
            aborted: boolean;
            /**
             * Format: uint64
             * @description Devices that were registered.
             */
            created: number;
            /** @description Whether it was only foreseen. */
            dryRun: boolean;
            /**
             * Format: uint64
             * @description Rows that cannot be taken.
             */
            failed: number;
            /** @description The first 20 rows. */
            preview: components["schemas"]["ImportRow"][];
            /** @description What is wrong, at most the first 1000. */
            problems: components["schemas"]["ImportProblem"][];
            /**
             * Format: uint64
             * @description How many more there are.
             */
            problemsOmitted: number;
            /**
             * Format: uint64
             * @description Rows with data.
             */
            rows: number;
            /** @description Set if the server failed on the way: what was imported is what the counts say; sending the file again is safe. */
            stopped?: string | null;
            /**
             * Format: uint64
             * @description Rows that would register a device.
             */
            toCreate: number;
            /**
             * Format: uint64
             * @description Rows that would change one.
             */
            toUpdate: number;
            /**
             * Format: uint64
             * @description Devices that were as their row says.
             */
            unchanged: number;
            /**
             * Format: uint64
             * @description Devices that were changed.
             */
            updated: number;
            /**
             * Format: uint64
             * @description Rows that can be taken.
             */
            valid: number;
        };
        /** @description One of the first rows, as it was understood. */
        ImportRow: {
            /** @description Its type. */
            type?: string | null;
            /** @description What it does. */
            action: components["schemas"]["ImportAction"];
            /** @description Its attributes. */
            attributes: {
                [key: string]: string;
            };
            /** @description The device. */
            name: string;
            /**
             * Format: uint64
             * @description Which row; 1 is the first one with data.
             */
            row: number;
            /** @description Its tags. */
            tags: string[];
        };
        /** @description A job. */
        Job: {
            /** @description For people. */
            description: string;
            /** @description What whoever asks may say to it, while it awaits approval. */
            approval?: components["schemas"]["Approval"] | null;
            /** @description What devices are told to do, for commands. */
            command?: components["schemas"]["Command"] | null;
            /** @description The whole job. */
            counts: components["schemas"]["Counts"];
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /** @description By whom. */
            createdBy: string;
            /**
             * Format: uint32
             * @description Number of the wave under way, from 1.
             */
            currentWave: number;
            /** @description What a second person said of it. */
            decision?: components["schemas"]["Decision"] | null;
            /** @description What devices get, for custom jobs. */
            document?: unknown;
            /**
             * Format: date-time
             * @description When it was over.
             */
            endedAt?: string | null;
            /** @description When failures stop it. */
            failureThreshold?: components["schemas"]["FailureThreshold"] | null;
            /**
             * Format: int64
             * @description Public id.
             */
            id: number;
            /** @description What it does. */
            kind: components["schemas"]["JobKind"];
            /** @description Why it stands there, where that needs saying. */
            reason?: string | null;
            /** @description What it installs, for updates; also once that was deleted. */
            release?: components["schemas"]["JobRelease"] | null;
            /**
             * Format: uint32
             * @description How often a device that failed is tried again by itself.
             */
            retries: number;
            /** @description Everything else that shapes it. */
            rollout: components["schemas"]["Rollout"];
            /**
             * Format: date-time
             * @description When it began to offer work.
             */
            startedAt?: string | null;
            /** @description Where it stands. */
            state: components["schemas"]["JobState"];
            /** @description How its targets were chosen, in words. */
            targets: string;
            /**
             * @description How long a device may take in each phase. `downloadSeconds` absent: both have `inProgressSeconds` together;
             *      `verifySeconds` absent: as its device type says.
             */
            timeouts: components["schemas"]["Timeouts"];
            /**
             * Format: int64
             * @description Rises by one with every change of its record; the `ETag`.
             */
            version: number;
            /** @description Each wave. */
            waves: components["schemas"]["Wave"][];
        };
        JobDevicePath: {
            /**
             * Format: int64
             * @description Id of the job.
             */
            id: number;
            /** @description Name of the device. */
            name: string;
        };
        /** @description What went out for a job (`GET /jobs/{id}/downloads`), as of the last few seconds. */
        JobDownloads: {
            /**
             * Format: uint64
             * @description Bytes of each file of which a device fetched something, for each such device.
             */
            fullBytes: number;
            /**
             * Format: uint64
             * @description Bytes that went out over the lasting links of the job's files since the server started; nobody knows for whom.
             */
            linkedBytes: number;
            /**
             * Format: uint64
             * @description Bytes that those of them did not have to fetch that are done well.
             */
            savedBytes: number;
            /**
             * Format: uint64
             * @description Bytes that went out to them.
             */
            sentBytes: number;
        };
        /** @description What a job does. */
        JobKind: "update" | "command" | "custom";
        JobPath: {
            /**
             * Format: int64
             * @description Id of the job.
             */
            id: number;
        };
        JobPath2: {
            /**
             * Format: int64
             * @description Id of the job.
             */
            id: number;
        };
        /** @description What would happen if a job were made (`POST /jobs/preview`). */
        JobPreview: {
            /**
             * Format: uint64
             * @description Bytes that all of them would download.
             */
            bytes: number;
            /**
             * Format: uint64
             * @description Bytes that each device would download.
             */
            bytesPerDevice: number;
            /** @description What would come of it, most devices first. */
            clusters: components["schemas"]["PreviewCluster"][];
            /**
             * Format: date-time
             * @description When everybody who is heard would have been reached: from how often each is heard, waves, windows, how many at once and
             *      the download rate, or when the job ends if that is before; absent if nobody can tell.
             */
            expectedEnd?: string | null;
            /** @description What that expectation leaves out, such as devices that were not heard for long, or why there is none. */
            expectedEndNote: string;
            /**
             * Format: uint64
             * @description How many of them were looked at one by one; the rest of a very large job is taken to be like them.
             */
            lookedAt: number;
            /** @description One sentence that says it all. */
            summary: string;
            /**
             * Format: uint64
             * @description All devices of the job.
             */
            targets: number;
            /** @description Sizes of the waves. */
            waves: number[];
        };
        /** @description The query of a list of jobs. */
        JobQuery: {
            /** @description Where to go on: the `cursor` of the page before. */
            cursor?: string | null;
            /** @description Only those of this kind. */
            kind?: components["schemas"]["JobKind"] | null;
            /**
             * Format: uint32
             * @description Most items in the answer, 1 to 1000; 100 when absent.
             */
            limit?: number | null;
            /**
             * @description Only those that have this text in their description, targets, maker, command or release, whatever the case of
             *      its letters.
             */
            q?: string | null;
            /** @description Only those in this state. */
            state?: components["schemas"]["JobState"] | null;
        };
        /** @description What a job installs or installed. */
        JobRelease: {
            /** @description Whether it was deleted since: its files are gone, and nothing can be installed from it. */
            deleted: boolean;
            /** @description The release's name. */
            name: string;
            /** @description Its version. */
            version: string;
        };
        /** @description Where a job stands. */
        JobState: "awaitingApproval" | "denied" | "scheduled" | "running" | "paused" | "halted" | "stopping" | "canceled" | "completed";
        /** @description How the latest try to reach a channel went. */
        LastDelivery: {
            /**
             * Format: date-time
             * @description When.
             */
            at: string;
            /** @description A sentence. */
            detail: string;
            /** @description Where it left the notification. */
            outcome: components["schemas"]["DeliveryState"];
        };
        /** @description The last value of a metric. */
        LastValue: {
            /**
             * Format: date-time
             * @description When it was measured.
             */
            at: string;
            /** @description Which metric. */
            metric: string;
            /** @description What was measured. */
            value: components["schemas"]["Value"];
        };
        /** @description The last values of a device. */
        LastValues: {
            /** @description By metric name. */
            items: components["schemas"]["LastValue"][];
        };
        /** @description Where a device stands in its life. */
        Lifecycle: "registered" | "active" | "suspended" | "decommissioned";
        /** @description The query of a list that takes the fleet query language. */
        ListQuery: {
            /** @description Where to go on: the `cursor` of the page before, with the same `q` and `sort`. */
            cursor?: string | null;
            /** @description Fields to count values of, joined by commas: `type,lifecycle,tag`. */
            facets?: string | null;
            /**
             * Format: uint32
             * @description Most items in the answer, 1 to 1000; 100 when absent.
             */
            limit?: number | null;
            /** @description Which items, in the query language: `type==pump;tag==outdoor,attribute.site==berlin*`. */
            q?: string | null;
            /** @description A field, with `-` before it for descending: `name`, `-lastContactAt`. */
            sort?: string | null;
        };
        LiveQuery: {
            /** @description Only changes of this device, and its telemetry as it comes. */
            device?: string | null;
            /** @description Kinds to tell of, joined by commas; all of them when absent. Kinds that one may not see are left out. */
            kinds?: string | null;
        };
        /** @description Times in which an update may be installed. */
        MaintenanceWindow: {
            /**
             * Format: uint64
             * @description How long it stays open.
             */
            durationSeconds: number;
            /** @description When it opens: five fields as in cron (`0 2 * * SAT`), or six to seven with seconds first as in Quartz. */
            schedule: string;
            /**
             * @description Whose clock is meant: an IANA name or an offset such as `+02:00`. Absent: the device's attribute `timezone`, else
             *      UTC.
             */
            timezone?: string | null;
        };
        /** @description What may be said to something that waits for a second person. */
        MayDecide: "both" | "deny" | "neither";
        /** @description Who one is (`GET /me`). */
        Me: {
            /**
             * @description Whether one signed in with a cookie that others on the network can read: the console is served without TLS.
             * @default false
             */
            insecureCookie?: boolean;
            /** @description How one signed in. */
            kind: components["schemas"]["ActorKind"];
            /** @description Name of the user or token. */
            name: string;
            /** @description What the role allows, by name. */
            permissions: string[];
            /** @description What one may do. */
            role: components["schemas"]["Role"];
            /** @description Which devices; absent: the whole tenant. */
            scope?: string | null;
            /** @description The tenant one acts in. */
            tenant: string;
        };
        /** @description Devices to add to or remove from a group (`POST /groups/{path}/members`): by name, by query, or both. */
        Membership: {
            /** @description Names to add. */
            add?: string[];
            /** @description Add every device that matches this query. */
            addMatching?: string | null;
            /** @description Names to remove. */
            remove?: string[];
        };
        /** @description A metric of a device. */
        Metric: {
            /** @description Its name. */
            name: string;
        };
        MetricPath: {
            /** @description Name of the metric. */
            metric: string;
            /** @description Name of the device. */
            name: string;
        };
        /** @description The metrics of a device (`GET /devices/{name}/metrics`). */
        Metrics: {
            /** @description By name. */
            items: components["schemas"]["Metric"][];
        };
        /** @description A name and a version. */
        NameVersion: {
            /** @description 1 to 128 characters of any script, with spaces inside, without `/` and `@`. */
            name: string;
            /** @description 1 to 64 characters of any script, with spaces inside, without `/`; compared for equality only. */
            version: string;
        };
        NamedPath: {
            /** @description Name of the device. */
            name: string;
            /** @description Name of the shadow. */
            shadow: string;
        };
        /** @description What a tenant wants of all its artifacts. What is absent is not wanted. */
        NewArtifactTerms: {
            /**
             * Format: uint64
             * @description Most bytes of all artifacts together; absent: what the server allows.
             * @default null
             */
            quotaBytes?: number | null;
            /**
             * @description Whether every device takes signed software only, also those whose type does not say so.
             * @default false
             */
            requireSignature?: boolean;
            /**
             * @description Certificates (PEM) of those who sign, or of authorities that certify them: whose signatures count for devices whose
             *      type names no signers of its own, and for those without a type. At most 16.
             * @default []
             */
            signers?: string[];
        };
        /** @description A claim to make (`POST /claims`). */
        NewClaim: {
            /** @description A PKCS #10 request in PEM; absent: the server makes the key and shows it once. */
            csr?: string | null;
            /**
             * Format: date-time
             * @description When its certificate ends; a year from now when absent.
             */
            expiresAt?: string | null;
            /** @description 1 to 64 of letters, digits, `: _ . -`; unique in the tenant. */
            name: string;
            /**
             * @description Templates it may use; empty means every template of the tenant.
             * @default []
             */
            templates?: string[];
        };
        /** @description A command to send: exactly one of `command` and `template`. */
        NewCommand: {
            /** @description How; with a template: what its parameters take. */
            arguments?: {
                [key: string]: unknown;
            };
            /** @description What is to be done: 1 to 64 of letters, digits, `: _ . -`. */
            command?: string | null;
            /**
             * Format: uint64
             * @description How long it is good: a device that has not taken it up by then does not get it any more. The template's, or one
             *      hour, when absent.
             */
            expiresInSeconds?: number | null;
            /** @description The name of a template that says what is to be done. */
            template?: string | null;
        };
        /** @description A component to make (`POST /components`). */
        NewComponent: {
            /**
             * @description `application`, `os`, `firmware`, or any word; `application` when absent.
             * @default application
             */
            type?: string;
            /**
             * @description Ids of its artifacts, in order.
             * @default []
             */
            artifacts?: number[];
            /** @description Its name. */
            name: string;
            /** @description Its version. */
            version: string;
        };
        /** @description A request to sign (`POST /devices/{name}/credentials`). The key stays with the device. */
        NewCredential: {
            /** @description A PKCS #10 certificate signing request in PEM. */
            csr: string;
        };
        /** @description A device to make (`POST /devices`). */
        NewDevice: {
            /** @description An existing device type. */
            type?: string | null;
            /** @description At most 100, values up to 4,000 characters, 115,200 bytes together. */
            attributes?: {
                [key: string]: string;
            };
            /** @description `device` when absent. */
            kind?: components["schemas"]["DeviceKind"] | null;
            /** @description 1 to 128 of letters, digits, `: _ . -`. */
            name: string;
            /** @description An existing device of kind gateway. */
            parent?: string | null;
            /** @description At most 100 words. */
            tags?: string[];
        };
        /** @description A token for a device (`PUT /devices/{name}/token`). The one before is good no longer. */
        NewDeviceToken: {
            /** @description 1 to 128 visible characters; the server makes 32 random ones if absent. */
            token?: string | null;
        };
        /** @description A group to make (`POST /groups`). */
        NewGroup: {
            /**
             * @description For people.
             * @default
             */
            description?: string;
            /** @description Up to 8 parts joined by `/`. */
            path: string;
        };
        /** @description A job to make (`POST /jobs`). */
        NewJob: {
            /**
             * @description For people.
             * @default
             */
            description?: string;
            /**
             * @description When it begins; at once when absent.
             * @default now
             */
            begin?: components["schemas"]["Begin"];
            /** @description For `command`: what is to be done. */
            command?: components["schemas"]["NewCommand"] | null;
            /** @description For `custom`: what devices get, an object of at most 32 KiB. */
            document?: unknown;
            /** @description When failures stop it; absent: never. */
            failureThreshold?: components["schemas"]["FailureThreshold"] | null;
            /**
             * @description For `update`: also for devices that run it already.
             * @default false
             */
            force?: boolean;
            /** @description What it does. */
            kind: components["schemas"]["JobKind"];
            /** @description For `update`: what to install. */
            release?: components["schemas"]["NameVersion"] | null;
            /**
             * Format: uint32
             * @description How often a device that failed is tried again by itself, 0 to 10.
             * @default 0
             */
            retries?: number;
            /**
             * @description Everything else that shapes it.
             * @default {
             *       "allowDowngrade": false,
             *       "approval": false,
             *       "consent": false,
             *       "handling": "forced",
             *       "ofCanceledToo": false,
             *       "order": {
             *         "by": "registered",
             *         "descending": false
             *       },
             *       "priority": 1000,
             *       "supersede": false,
             *       "waveTerms": []
             *     }
             */
            rollout?: components["schemas"]["Rollout"];
            /** @description Which devices; frozen when the job is made. */
            targets: components["schemas"]["Targets"];
            /**
             * @description How long a device may take.
             * @default {}
             */
            timeouts?: components["schemas"]["Timeouts"];
            /**
             * @description Sizes of the waves in order; what they leave over is one more wave. Empty: everybody at once.
             * @default []
             */
            waves?: components["schemas"]["WaveSize"][];
        };
        /** @description A new password (`PUT /users/{name}/password`). */
        NewPassword: {
            /** @description The one so far; needed for one's own. */
            currentPassword?: string | null;
            /** @description 12 to 256 characters. */
            password: string;
        };
        /** @description A release to make (`POST /releases`). */
        NewRelease: {
            /** @description Its components, in order. */
            components: components["schemas"]["ComponentName"][];
            /**
             * @description Device types it is for; empty means any.
             * @default []
             */
            deviceTypes?: string[];
            /** @description Its name. */
            name: string;
            /**
             * @description For people.
             * @default
             */
            notes?: string;
            /**
             * @description What devices must be before they may get it.
             * @default {
             *       "hardware": []
             *     }
             */
            rules?: components["schemas"]["ReleaseRules"];
            /** @description Its version. */
            version: string;
        };
        /** @description Who signs in (`POST /session`). */
        NewSession: {
            /** @description Their password. */
            password: string;
            /** @description Sign-in name; `tenant/name` in another tenant than `default`. */
            user: string;
        };
        /** @description A token to make (`POST /tokens`). */
        NewToken: {
            /**
             * Format: date-time
             * @description When it ends; absent: when it is revoked.
             */
            expiresAt?: string | null;
            /** @description For people. */
            name: string;
            /** @description What it may do; no more than its maker may. */
            role: components["schemas"]["Role"];
            /** @description A fleet query: it sees and changes matching devices only. Absent: the whole tenant. */
            scope?: string | null;
        };
        /** @description A type to make (`POST /types`). */
        NewType: {
            /**
             * @description For people.
             * @default
             */
            description?: string;
            /**
             * Format: uint64
             * @description How often such a device is expected to be in contact; 3600 when absent.
             */
            contactIntervalSeconds?: number | null;
            /**
             * @description Attributes that new devices of this type start with.
             * @default {}
             */
            defaultAttributes?: {
                [key: string]: string;
            };
            /** @description 1 to 128 of letters, digits, `: _ . -`. */
            name: string;
            /**
             * @description Whether the device can renew its certificate; decides the certificate's lifetime.
             * @default false
             */
            renewsCertificate?: boolean;
            /**
             * @description Whether only software that one of them signed may be released for such devices.
             * @default false
             */
            requireSignature?: boolean;
            /**
             * @description Certificates (PEM, at most 16) of those who sign software for such devices, or of authorities that certify them.
             * @default []
             */
            signers?: string[];
            /**
             * @description Topics outside the contract that its devices publish to.
             * @default []
             */
            topicMap?: components["schemas"]["TopicMapping"][];
            /**
             * Format: uint64
             * @description How long to wait for the new version after the device said it succeeded; 1800 when absent.
             */
            verifyTimeoutSeconds?: number | null;
            /**
             * @description Where component versions show, tried in order. When absent: reported `firmware.version`, then reported
             *      `components.{component}`.
             */
            versionSources?: components["schemas"]["VersionSource"][] | null;
        };
        /** @description An upload to announce (`POST /uploads`). */
        NewUpload: {
            /** @description The file's name as devices will see it: 1 to 255 bytes in any script, without `/ \ < > "` and control characters. */
            name: string;
            /** @description The SHA-256 that they must have, 64 hex characters. */
            sha256?: string | null;
            /** @description A signature to hand to devices with it, up to 8 KiB of text. */
            signature?: string | null;
            /**
             * Format: uint64
             * @description How many bytes will come.
             */
            size: number;
            /** @description Instead: a list in the form of `sha256sum` that names the file. */
            sums?: string | null;
        };
        /** @description A user to make (`POST /users`). */
        NewUser: {
            /** @description 1 to 64 of letters, digits, `.`, `_`, `@` and `-`. */
            name: string;
            /** @description 12 to 256 characters. */
            password: string;
            /** @description What they may do. */
            role: components["schemas"]["Role"];
        };
        /** @description What happens to an import with bad rows. */
        OnError: "skip" | "abort";
        /** @description In which order targets are offered work. */
        Order: {
            /** @description For `attribute` and `spread`: which one. Inventory counts where operators set nothing. */
            attribute?: string | null;
            /** @description By what. */
            by: components["schemas"]["OrderBy"];
            /**
             * @description For `attribute`: highest first.
             * @default false
             */
            descending?: boolean;
        };
        /** @description In which order targets are offered work. */
        OrderBy: "registered" | "random" | "attribute" | "spread";
        /** @description How one device's part counts: for gates, for thresholds, for people. */
        Outcome: "open" | "verifying" | "succeeded" | "failed" | "canceled" | "skipped";
        /** @description One page of a list. */
        PageOfAlert: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Alert"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfArtifact: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Artifact"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfAuditRecord: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["AuditRecord"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfAutoAssignment: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["AutoAssignment"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfChannel: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Channel"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfClaim: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Claim"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfCommandResult: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["CommandResult"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfCommandTemplate: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["CommandTemplate"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfComponent: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Component"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfCredential: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Credential"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfDelivery: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Delivery"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfDevice: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Device"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfDeviceType: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["DeviceType"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfDeviceUpdate: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["DeviceUpdate"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfEvent: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Event"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfExecution: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Execution"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfFailureCluster: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["FailureCluster"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfGroup: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Group"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfJob: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Job"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfPending: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Pending"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfPreviewDevice: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["PreviewDevice"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfRefusal: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Refusal"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfRelease: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Release"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfSession: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Session"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfShadowInfo: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["ShadowInfo"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfTemplate: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Template"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfToken: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Token"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfUpload: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["Upload"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description One page of a list. */
        PageOfUser: {
            /** @description Pass it back to get the next page; absent on the last. */
            cursor?: string | null;
            /** @description Counts per asked facet, most frequent first. */
            facets?: {
                [key: string]: components["schemas"]["FacetCount"][];
            } | null;
            /** @description The items, in the order asked for. */
            items: components["schemas"]["User"][];
            /**
             * Format: uint64
             * @description How many match in all, where the list knows.
             */
            total?: number | null;
        };
        /** @description The query of a list in its own fixed order. */
        PageQuery: {
            /** @description Where to go on: the `cursor` of the page before. */
            cursor?: string | null;
            /**
             * Format: uint32
             * @description Most items in the answer, 1 to 1000; 100 when absent.
             */
            limit?: number | null;
        };
        /** @description One argument that whoever uses a template may give. */
        Parameter: {
            /** @description For people. */
            description?: string;
            /** @description What values it takes. */
            type: components["schemas"]["ParameterType"];
            /** @description The only values that it takes; any of its type when absent. */
            choices?: unknown[];
            /** @description What it is if it is not given. */
            default?: unknown;
            /** @description Its name among the arguments. */
            name: string;
            /**
             * @description Whether it must be given.
             * @default false
             */
            required?: boolean;
        };
        /** @description What values a parameter takes. */
        ParameterType: "string" | "number" | "boolean";
        /** @description An enrolment that waits for an operator, or was decided by one. */
        Pending: {
            /** @description The device type that the template gives. */
            type?: string | null;
            /**
             * Format: int64
             * @description How often it was asked.
             */
            attempts: number;
            /** @description The claim it came through. */
            claim?: string | null;
            /**
             * Format: date-time
             * @description When it was decided.
             */
            decidedAt?: string | null;
            /** @description By whom. */
            decidedBy?: string | null;
            /** @description SHA-256 of the certificate, 64 hex characters. */
            fingerprint: string;
            /**
             * Format: date-time
             * @description First attempt.
             */
            firstAt: string;
            /**
             * Format: int64
             * @description Public id.
             */
            id: number;
            /** @description Whether a device has the wanted name. */
            knownDevice: boolean;
            /**
             * Format: date-time
             * @description Last attempt.
             */
            lastAt: string;
            /** @description The wanted name; null where a certificate does not say whose it is. */
            name?: string | null;
            /** @description What was said with the decision. */
            note?: string | null;
            /** @description SHA-256 of the public key (SubjectPublicKeyInfo), 64 hex characters: what an acceptance lets in. */
            publicKeySha256: string;
            /** @description Why an operator is asked. */
            reason: string;
            /** @description How it came. */
            source: components["schemas"]["PendingSource"];
            /** @description Where it stands. */
            state: components["schemas"]["PendingState"];
            /** @description The provisioning template it came through. */
            template?: string | null;
        };
        PendingPath: {
            /**
             * Format: int64
             * @description Id of the pending enrolment.
             */
            id: number;
        };
        /** @description Which enrolments to list (`GET /pending`). */
        PendingQuery: {
            /** @description From an earlier page. */
            cursor?: string | null;
            /**
             * Format: uint32
             * @description Most items, 1 to 1000; 100 when absent.
             */
            limit?: number | null;
            /** @description `open` when absent. */
            state?: components["schemas"]["PendingState"] | null;
        };
        /** @description How an enrolment came that an operator is asked about. */
        PendingSource: "claim" | "certificate";
        /** @description Where an enrolment stands that an operator is asked about. */
        PendingState: "open" | "accepted" | "rejected";
        Place: {
            /** @description Path of the group, with `/` written as `%2F`. */
            path: string;
        };
        /** @description A measured point. */
        Point: {
            /**
             * Format: date-time
             * @description When it was measured.
             */
            at: string;
            /** @description Arrived more than 30 days after it was measured, or with a time of the future that the server replaced. */
            flagged?: boolean;
            /** @description What was measured. */
            value: components["schemas"]["Value"];
        };
        /** @description Whether a device can be reached. Online means `connected` or `reachable`. */
        Presence: "connected" | "reachable" | "overdue" | "never";
        /** @description Devices on which a job would come to the same. */
        PreviewCluster: {
            /** @description What an operator can do about it; may be empty. */
            action: string;
            /**
             * Format: uint64
             * @description How many devices, of those that were looked at.
             */
            count: number;
            /** @description Some of them, by name. */
            devices: string[];
            /**
             * @description How it would count at once: `open` for work, `succeeded` for devices that run it, `skipped`, or `canceled` where the job
             *      ends or the last maintenance window is over before they have their turn.
             */
            outcome: components["schemas"]["Outcome"];
            /** @description Why. */
            reason: string;
        };
        /** @description What a job would do on one device. */
        PreviewDevice: {
            /** @description What an operator can do about it; may be empty. */
            action: string;
            /**
             * Format: date-time
             * @description When it may begin at the earliest: by the job's start, what is expected of the waves before, and the maintenance window.
             *      Absent without work, and where nobody can tell.
             */
            begins?: string | null;
            /**
             * Format: uint64
             * @description Bytes that it would download.
             */
            bytes: number;
            /** @description The device's name. */
            device: string;
            /** @description How it would count at once, as of a cluster. */
            outcome: components["schemas"]["Outcome"];
            /** @description Why. */
            reason: string;
            /**
             * Format: uint32
             * @description In which wave, from 1. With a random order the wave of each device is drawn anew when the job is made.
             */
            wave: number;
        };
        /** @description Which devices of a dry run (`POST /jobs/preview/devices`). */
        PreviewDeviceQuery: {
            /** @description Where to go on: the `cursor` of the page before, with the same job, `outcome` and `reason`. */
            cursor?: string | null;
            /**
             * Format: uint32
             * @description Most items in the answer, 1 to 1000; 100 when absent. There may be fewer, and more to come: one call looks at so many
             *      devices.
             */
            limit?: number | null;
            /** @description Only those on which it would count so. */
            outcome?: components["schemas"]["Outcome"] | null;
            /** @description Only those for which this is why: the `reason` of a cluster, word by word. */
            reason?: string | null;
        };
        /** @description An error answer (RFC 9457), sent as `application/problem+json`. */
        Problem: {
            /** @description What happened, in a few words; the same for every problem of this code. */
            title: string;
            /** @description `urn:windlass:problem:` and the code. */
            type: string;
            /** @description Stable, for programs: `device.not_found`, `request.invalid`, … */
            code: string;
            /** @description A sentence about this case that says what to do. */
            detail: string;
            /** @description Every bad field, for `request.invalid`. */
            errors?: components["schemas"]["FieldProblem"][];
            /** @description Names this request in the server's log. */
            requestId: string;
            /**
             * Format: uint16
             * @description The HTTP status.
             */
            status: number;
        };
        /** @description Which range, and how finely. */
        RangeQuery: {
            /**
             * Format: date-time
             * @description First moment; 24 hours before `to` when absent.
             */
            from?: string | null;
            /**
             * Format: uint32
             * @description Seconds per step. Absent or 0: every point as it was measured.
             */
            step?: number | null;
            /**
             * Format: date-time
             * @description Moment after the last; now when absent.
             */
            to?: string | null;
        };
        /**
         * @description Somebody who was refused on the device port. The same peer refused for the same reason is one entry with a count.
         *      What the peer says of itself (`claimedName` to `serverName`) is vouched for by nobody.
         */
        Refusal: {
            /** @description What to do about it. */
            action: string;
            /** @description Where it connected from. */
            address: string;
            /** @description Issuer of its certificate. */
            certificateIssuer?: string | null;
            /** @description Subject of its certificate. */
            certificateSubject?: string | null;
            /** @description Whom it says to be: the certificate's common name, else its client id, else its user name. */
            claimedName?: string | null;
            /** @description Client id of its CONNECT. */
            clientId?: string | null;
            /** @description Why: `credential.expired`, `tls.serverNotTrusted`, `topic.unmapped`, … */
            code: string;
            /**
             * Format: uint64
             * @description How often.
             */
            count: number;
            /** @description Why, as a sentence. */
            detail: string;
            /** @description The device that it is by its certificate, or that has the name it gives itself. */
            device?: string | null;
            /** @description SHA-256 of its certificate, hex. */
            fingerprint?: string | null;
            /**
             * Format: date-time
             * @description First time.
             */
            firstAt: string;
            /**
             * Format: int64
             * @description Stays the same while the refusal is repeated; of this node.
             */
            id: number;
            /**
             * Format: date-time
             * @description Last time.
             */
            lastAt: string;
            /** @description What was spoken: `mqtt 3.1.1`, `mqtt 5`, `mqtt 5 over websocket`, `https`. */
            protocol?: string | null;
            /** @description The server name that it asked for. */
            serverName?: string | null;
            /** @description How far the peer had come. */
            stage: components["schemas"]["RefusalStage"];
            /** @description User name of its CONNECT. */
            userName?: string | null;
        };
        /** @description The query of `/refusals`. All that is said must hold. */
        RefusalQuery: {
            /** @description How the address begins: `10.1.` */
            address?: string | null;
            /** @description A part of what the peer says of itself, in whatever case. */
            claimed?: string | null;
            /** @description Where to go on: the `cursor` of the page before. */
            cursor?: string | null;
            /** @description Name of a device. */
            device?: string | null;
            /**
             * Format: uint32
             * @description Most items in the answer, 1 to 1000; 100 when absent.
             */
            limit?: number | null;
            /** @description A part of anything that is shown, in whatever case. */
            q?: string | null;
            /** @description How far the peer had come. */
            stage?: components["schemas"]["RefusalStage"] | null;
        };
        /** @description How far a peer had come when it was refused. */
        RefusalStage: "tls" | "connect" | "subscribe" | "publish" | "http";
        /** @description A rejection (`POST /pending/{id}/reject`). */
        RejectPending: {
            /**
             * @description Kept with it, up to 256 bytes.
             * @default
             */
            reason?: string;
        };
        /** @description A release: a set of components for some device types. */
        Release: {
            /** @description Its components, in order. */
            components: components["schemas"]["ComponentName"][];
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /** @description By whom. */
            createdBy: string;
            /** @description Device types it is for; empty means any. */
            deviceTypes: string[];
            /**
             * Format: uint64
             * @description How many jobs install or installed it. Only where one release is asked for, by somebody who may see every job.
             */
            jobs?: number | null;
            /** @description Its name. */
            name: string;
            /** @description For people. */
            notes: string;
            /**
             * Format: int64
             * @description A job under way that installs it, so that it cannot be deleted. As `jobs`.
             */
            openJob?: number | null;
            /** @description What devices must be before they may get it. */
            rules: components["schemas"]["ReleaseRules"];
            /** @description Its version. */
            version: string;
        };
        /** @description What a device must be before it may get a release. */
        ReleaseRules: {
            /**
             * @description Hardware it is for, as devices say it under `hardware` in inventory or attributes; empty: any.
             * @default []
             */
            hardware?: string[];
            /** @description The newest version that it may replace. */
            maximumSource?: string | null;
            /** @description The oldest version that it may replace. */
            minimumSource?: string | null;
            /** @description The version that must have been installed before. */
            step?: string | null;
        };
        /** @description A word on a decision (`POST /jobs/{id}/approve`, `POST /jobs/{id}/deny`). */
        Remark: {
            /**
             * @description Why; may be empty.
             * @default
             */
            remark?: string;
        };
        /** @description New hardware for a device (`POST /devices/{name}/replace`): give `csr` or `generateKey`. */
        Replace: {
            /** @description A PKCS #10 certificate signing request of the new hardware, PEM. */
            csr?: string | null;
            /** @description The id burnt into the new hardware; becomes an alias. */
            externalId?: components["schemas"]["Alias"] | null;
            /**
             * @description The server makes a key and shows it once.
             * @default false
             */
            generateKey?: boolean;
            /**
             * @description Kept with the revoked certificates, up to 256 bytes.
             * @default
             */
            reason?: string;
        };
        /** @description What replacing the hardware gave. */
        Replaced: {
            /** @description Root and issuing CA, PEM: what the device trusts. */
            caPem: string;
            /** @description The certificate and the issuing CA, PEM: what the device presents. */
            certificatePem: string;
            /** @description The new certificate. */
            credential: components["schemas"]["Credential"];
            /** @description The device, which stays. */
            device: components["schemas"]["Device"];
            /** @description The key, where the server made it; shown this once. */
            privateKeyPem?: string | null;
        };
        /** @description A window in which one enrolment may replace a credential (`POST /devices/{name}/reprovision`). */
        Reprovision: {
            /**
             * Format: uint32
             * @description How long, 1 to 10080 (a week).
             */
            minutes: number;
        };
        /** @description What a retry did (`POST /jobs/{id}/retry`). */
        RetryResult: {
            /**
             * Format: uint64
             * @description Devices that are tried again.
             */
            retried: number;
        };
        /** @description Why a credential is withdrawn (`POST /credentials/{id}/revoke`). */
        Revocation: {
            /**
             * @description Kept with the credential, up to 256 bytes.
             * @default
             */
            reason?: string;
        };
        /** @description What somebody may do: a named set of permissions. */
        Role: "admin" | "operator" | "viewer" | "installer";
        /** @description How a job is rolled out. What is absent is as plain as can be. */
        Rollout: {
            /**
             * @description Whether devices may be brought back to an older version.
             * @default false
             */
            allowDowngrade?: boolean;
            /**
             * @description Whether somebody else than who made it must approve it.
             * @default false
             */
            approval?: boolean;
            /** @description How tries again are spaced; absent: at once. */
            backoff?: components["schemas"]["Backoff"] | null;
            /**
             * Format: uint64
             * @description Most devices that have work of it at once.
             */
            concurrency?: number | null;
            /**
             * @description Whether each device's user, or an operator for it, must agree first.
             * @default false
             */
            consent?: boolean;
            /** @description Whether it takes in devices that match its query later. */
            continuous?: components["schemas"]["Continuous"] | null;
            /** @description How fast its devices may download together. */
            downloadRate?: components["schemas"]["DownloadRate"] | null;
            /**
             * Format: date-time
             * @description When nothing more is offered and what was not begun is withdrawn.
             */
            endsAt?: string | null;
            /**
             * Format: date-time
             * @description For `timeForced`: from when on.
             */
            forcedAt?: string | null;
            /**
             * @description What devices are told about its urgency; `forced` when absent.
             * @default forced
             */
            handling?: components["schemas"]["Handling"];
            /**
             * @description Whether shares that must succeed, and `failureThreshold.ofAll`, are also of devices whose part was canceled, as
             *      hawkBit's rollouts count. Otherwise those are left out, as devices that were skipped always are.
             * @default false
             */
            ofCanceledToo?: boolean;
            /**
             * @description In which order its targets come.
             * @default {
             *       "by": "registered",
             *       "descending": false
             *     }
             */
            order?: components["schemas"]["Order"];
            /**
             * Format: uint16
             * @description Which of two jobs a device works on first, 0 to 1000; 1000 when absent.
             * @default 1000
             */
            priority?: number;
            /**
             * Format: uint8
             * @description A wave has succeeded once this share of its devices did; absent: once every device is through.
             */
            successPercent?: number | null;
            /**
             * @description Whether it takes the place of other updates of lower or the same priority that a device has not begun.
             * @default false
             */
            supersede?: boolean;
            /**
             * @description What is particular to waves, by place. Fewer than there are waves is fine.
             * @default []
             */
            waveTerms?: components["schemas"]["WaveTerms"][];
            /** @description When it may be installed. */
            window?: components["schemas"]["MaintenanceWindow"] | null;
        };
        /** @description How a backup is closed. */
        Sealed: "passphrase" | "recipient" | "plain";
        /** @description A range of one metric: points, or steps where a step was asked for. */
        Series: {
            /**
             * Format: date-time
             * @description First moment.
             */
            from: string;
            /** @description Which metric. */
            metric: string;
            /** @description Points in order of time; empty where a step was asked for. */
            points?: components["schemas"]["Point"][];
            /**
             * Format: uint32
             * @description Seconds per step; absent for points.
             */
            step?: number | null;
            /** @description Steps in order of time, those without points left out. */
            steps?: components["schemas"]["Step"][];
            /**
             * Format: date-time
             * @description Moment after the last.
             */
            to: string;
            /** @description There was more than one answer may hold; ask for a larger step or a shorter range. */
            truncated: boolean;
        };
        /** @description What the server is and carries. */
        ServerInfo: {
            /**
             * Format: uint64
             * @description Bytes of this tenant's artifacts, each counted though others have the same bytes.
             * @default 0
             */
            artifactBytes?: number;
            /**
             * Format: uint64
             * @description Most bytes that this tenant's artifacts may have together.
             * @default 0
             */
            artifactQuotaBytes?: number;
            /**
             * Format: uint64
             * @description Bytes of artifacts, likewise.
             * @default null
             */
            blobBytes?: number | null;
            /** @description SHA-256 of the root certificate, 64 hex characters. */
            caFingerprint: string;
            /**
             * Format: date-time
             * @description When the certificate of the device port ends; it is renewed long before.
             * @default 1970-01-01T00:00:00Z
             */
            certificateNotAfter?: string;
            /**
             * Format: uint64
             * @description Connected devices of this tenant; for the tenant that runs the server, all live device connections of this node.
             */
            connections: number;
            /** @description `sqlite` or `postgresql`. */
            database: string;
            /** @description Where devices connect, such as `mqtts://host:8883`. */
            deviceEndpoints: string[];
            /**
             * Format: uint16
             * @description Port of the first device listener.
             * @default null
             */
            devicePort?: number | null;
            /**
             * Format: uint64
             * @description Devices of this tenant.
             */
            devices: number;
            /**
             * Format: uint64
             * @description Bytes that may still be written to the disk of the data directory; absent where the system does not say, and for
             *      tenants that do not run the server.
             * @default null
             */
            diskFreeBytes?: number | null;
            /**
             * Format: uint64
             * @description Bytes of that disk.
             * @default null
             */
            diskTotalBytes?: number | null;
            /**
             * @description Names and addresses under which devices reach this server, as configured; empty where none is.
             * @default []
             */
            hostnames?: string[];
            /** @description Whether mail can be sent: a mail server is configured. */
            mail: boolean;
            /**
             * Format: uint64
             * @description Messages of devices since the start, likewise.
             * @default null
             */
            messagesReceived?: number | null;
            /**
             * Format: uint64
             * @description Open files and sockets of the process, for the tenant that runs the server.
             * @default null
             */
            openFiles?: number | null;
            /**
             * @description Whether everybody may speak plain HTTP to the console port.
             * @default false
             */
            plainHttp?: boolean;
            /**
             * Format: uint64
             * @description Points of telemetry that are kept, likewise.
             * @default null
             */
            pointsStored?: number | null;
            /**
             * @description Start of links, where one is configured.
             * @default null
             */
            publicUrl?: string | null;
            /**
             * Format: uint64
             * @description Bytes of memory that the process holds. As the other figures of the whole server, told only to the tenant that
             *      runs it.
             * @default null
             */
            residentBytes?: number | null;
            /**
             * Format: date-time
             * @description What the server's clock says.
             * @default 1970-01-01T00:00:00Z
             */
            serverTime?: string;
            /**
             * Format: date-time
             * @description When this node started.
             */
            startedAt: string;
            /**
             * Format: uint64
             * @description Bytes of the state, as counted within the last minute; absent on PostgreSQL.
             * @default null
             */
            stateBytes?: number | null;
            /**
             * Format: uint64
             * @description Bytes of the telemetry, likewise.
             * @default null
             */
            telemetryBytes?: number | null;
            /**
             * Format: uint64
             * @description Seconds since then.
             */
            uptimeSeconds: number;
            /** @description Of the program. */
            version: string;
        };
        /** @description One of one's sessions in browsers. */
        Session: {
            /** @description Where it began. */
            address: string;
            /**
             * Format: date-time
             * @description When it began.
             */
            createdAt: string;
            /** @description Whether it is the one that asks. */
            current: boolean;
            /**
             * Format: date-time
             * @description When it ends if it is not used any more.
             */
            expiresAt: string;
            /**
             * Format: int64
             * @description Its number.
             */
            id: number;
            /**
             * Format: date-time
             * @description When it was last used, to within a minute.
             */
            lastUsedAt: string;
            /** @description In which browser, as that said itself. */
            userAgent: string;
        };
        /** @description A link that signs in (`POST /session/link`). */
        SessionLink: {
            /** @description What the link ends with. */
            token: string;
        };
        SessionPath: {
            /**
             * Format: int64
             * @description Number of the session.
             */
            id: number;
        };
        /** @description The first administrator (`POST /setup`). */
        Setup: {
            /** @description 12 to 256 characters. */
            password: string;
            /** @description What the set-up link ends with. */
            token: string;
            /** @description 1 to 64 of letters, digits, `.`, `_`, `@` and `-`. */
            user: string;
        };
        /** @description Whether somebody has to set the server up (`GET /setup`). */
        SetupState: {
            /** @description True while there is no user. */
            needed: boolean;
            /** @description Of the program. */
            version: string;
        };
        /** @description How much an event matters. */
        Severity: "info" | "warning" | "error";
        /** @description A shadow of a device. */
        Shadow: {
            /** @description When each leaf was last written, epoch seconds. */
            metadata: unknown;
            /** @description Absent for the classic shadow. */
            name?: string | null;
            /** @description What it says. */
            state: components["schemas"]["ShadowState"];
            /**
             * Format: date-time
             * @description When it last changed.
             */
            updatedAt: string;
            /**
             * Format: int64
             * @description Rises by one with every change; the `ETag`.
             */
            version: number;
        };
        /** @description One line of the list of shadows. */
        ShadowInfo: {
            /** @description Absent for the classic shadow. */
            name?: string | null;
            /**
             * Format: date-time
             * @description When it last changed.
             */
            updatedAt: string;
            /**
             * Format: int64
             * @description Rises by one with every change.
             */
            version: number;
        };
        /** @description The sections of a shadow. */
        ShadowState: {
            /** @description Where desired differs from reported. */
            delta?: unknown;
            /** @description What operators want. */
            desired?: unknown;
            /** @description What the device said it is. */
            reported?: unknown;
        };
        /** @description What a signature is worth to the signers that the tenant and its device types name. */
        SignatureState: "none" | "valid" | "untrusted" | "unknownSigner" | "unreadable";
        /** @description A signed certificate. */
        SignedCredential: {
            /** @description Root and issuing CA, PEM: what the device trusts. */
            caPem: string;
            /** @description The certificate and the issuing CA, PEM: what the device presents. */
            certificatePem: string;
            /** @description What was made. */
            credential: components["schemas"]["Credential"];
        };
        /** @description Simulated devices of this server. They are real to it: registered, certified, connected to the device port. */
        Simulation: {
            /** @description Whether this server can simulate devices. */
            available: boolean;
            /**
             * Format: uint64
             * @description How many of them are connected now.
             */
            connected: number;
            /**
             * Format: uint64
             * @description How many are wanted.
             */
            devices: number;
            /** @description Why there are fewer than wanted, where something is in the way. */
            problem?: string | null;
            /** @description Whether some are wanted. After a restart of the server none are. */
            running: boolean;
        };
        /** @description How many simulated devices there should be (`POST /simulation`). */
        StartSimulation: {
            /**
             * Format: uint64
             * @description 1 to 1000. Asking again changes the number.
             */
            devices: number;
        };
        /** @description All points of one step, summed up. */
        Step: {
            /**
             * Format: date-time
             * @description Start of the step.
             */
            at: string;
            /**
             * Format: uint64
             * @description How many points.
             */
            count: number;
            /**
             * Format: double
             * @description Largest.
             */
            max: number;
            /**
             * Format: double
             * @description Arithmetic mean.
             */
            mean: number;
            /**
             * Format: double
             * @description Smallest.
             */
            min: number;
        };
        /** @description Which devices. Exactly one member. */
        Targets: {
            devices: string[];
        } | {
            type: string;
        } | {
            tag: string;
        } | {
            group: string;
        } | {
            query: string;
        };
        /** @description What a notification tells. */
        Telling: "opened" | "closed" | "more" | "test";
        /** @description A provisioning template. */
        Template: {
            /** @description What it says. */
            body: unknown;
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /** @description Whether devices may use it. */
            enabled: boolean;
            /** @description 1 to 36 of letters, digits, `_ -`. */
            name: string;
            /**
             * Format: date-time
             * @description When it last changed.
             */
            updatedAt: string;
            /**
             * Format: int64
             * @description Rises by one with every change; the `ETag`.
             */
            version: number;
        };
        TemplatePath: {
            /** @description Name of the template. */
            name: string;
        };
        TemplatePath2: {
            /** @description Name of the command template. */
            name: string;
        };
        /** @description What a template says (`PUT /templates/{name}`). */
        TemplateSpec: {
            /** @description `{"Parameters": {…}, "Resources": {…}}`, as in the AWS-compatible provisioning API. */
            body: unknown;
            /**
             * @description Whether devices may use it; true when absent.
             * @default true
             */
            enabled?: boolean;
        };
        /** @description How a try-out went (`POST /notifications/{name}/test`). */
        Tested: {
            /** @description A sentence. */
            detail: string;
            /** @description `delivered` or `failed`. */
            outcome: components["schemas"]["DeliveryState"];
        };
        /** @description Against what failures are counted. */
        ThresholdScope: "wave" | "job";
        /** @description How long a device may take in each phase, in seconds; absent means the server's default. */
        Timeouts: {
            /**
             * Format: uint64
             * @description For `update`: from then until it says that it has downloaded; the installation then has `inProgressSeconds` for
             *      itself. A device that does not say which of the two it is at has the time of both. Absent: both have
             *      `inProgressSeconds` together.
             */
            downloadSeconds?: number | null;
            /**
             * Format: uint64
             * @description From then until it reports an end.
             */
            inProgressSeconds?: number | null;
            /**
             * Format: uint64
             * @description From the offer until the device picks it up.
             */
            queuedSeconds?: number | null;
            /**
             * Format: uint64
             * @description From its success until the new version shows; the device type's when absent.
             */
            verifySeconds?: number | null;
        };
        /** @description An API token, without its secret. */
        Token: {
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /** @description By whom. */
            createdBy: string;
            /**
             * Format: date-time
             * @description When it ends.
             */
            expiresAt?: string | null;
            /** @description The first characters of the secret, to tell tokens apart. */
            hint: string;
            /**
             * Format: int64
             * @description Public id.
             */
            id: number;
            /** @description For people. */
            name: string;
            /**
             * Format: date-time
             * @description When it was revoked.
             */
            revokedAt?: string | null;
            /** @description What it may do. */
            role: components["schemas"]["Role"];
            /** @description Which devices; absent: the whole tenant. */
            scope?: string | null;
        };
        TokenPath: {
            /**
             * Format: int64
             * @description Id of the token.
             */
            id: number;
        };
        /** @description One row of a topic map. */
        TopicMapping: {
            /** @description An MQTT topic filter with `{name}` and `{clientId}` as whole levels, `+`, and a final `#`. */
            filter: string;
            /** @description Where a matching publish goes. */
            target: components["schemas"]["TopicTarget"];
        };
        /** @description Where publishes on a mapped topic go. */
        TopicTarget: "telemetry" | "event" | "log";
        TypePath: {
            /** @description Name of the device type. */
            name: string;
        };
        /** @description What is known of every device of one model (`PUT /types/{name}`). Absent members take their defaults. */
        TypeSpec: {
            /**
             * @description For people.
             * @default
             */
            description?: string;
            /**
             * Format: uint64
             * @description How often such a device is expected to be in contact; 3600 when absent.
             */
            contactIntervalSeconds?: number | null;
            /**
             * @description Attributes that new devices of this type start with.
             * @default {}
             */
            defaultAttributes?: {
                [key: string]: string;
            };
            /**
             * @description Whether the device can renew its certificate; decides the certificate's lifetime.
             * @default false
             */
            renewsCertificate?: boolean;
            /**
             * @description Whether only software that one of them signed may be released for such devices.
             * @default false
             */
            requireSignature?: boolean;
            /**
             * @description Certificates (PEM, at most 16) of those who sign software for such devices, or of authorities that certify them.
             * @default []
             */
            signers?: string[];
            /**
             * @description Topics outside the contract that its devices publish to.
             * @default []
             */
            topicMap?: components["schemas"]["TopicMapping"][];
            /**
             * Format: uint64
             * @description How long to wait for the new version after the device said it succeeded; 1800 when absent.
             */
            verifyTimeoutSeconds?: number | null;
            /**
             * @description Where component versions show, tried in order. When absent: reported `firmware.version`, then reported
             *      `components.{component}`.
             */
            versionSources?: components["schemas"]["VersionSource"][] | null;
        };
        /** @description A topic that a device publishes to and its type maps to nothing. */
        UnmappedTopic: {
            /**
             * Format: uint64
             * @description How often on this node since it started.
             */
            count: number;
            /**
             * Format: date-time
             * @description Last time.
             */
            lastAt: string;
            /**
             * Format: uint64
             * @description Bytes of the last message.
             */
            sampleBytes: number;
            /** @description A row for the topic map of its type: with placeholders where the device wrote its own name or client id. */
            suggestedFilter: string;
            /** @description As the device wrote it. */
            topic: string;
        };
        /** @description Topics of one device that nothing maps, latest first. */
        UnmappedTopics: {
            /** @description The topics. */
            items: components["schemas"]["UnmappedTopic"][];
        };
        /** @description An upload in parts. */
        Upload: {
            /**
             * Format: int64
             * @description The artifact that it became.
             */
            artifact?: number | null;
            /**
             * Format: date-time
             * @description When it was announced.
             */
            createdAt: string;
            /** @description By whom. */
            createdBy: string;
            /**
             * Format: date-time
             * @description When it goes, unless more comes before.
             */
            expiresAt: string;
            /**
             * Format: int64
             * @description Public id.
             */
            id: number;
            /** @description The file's name as devices will see it. */
            name: string;
            /**
             * Format: uint64
             * @description Bytes that are kept; the byte that is wanted next.
             */
            offset: number;
            /** @description The SHA-256 that was announced. */
            sha256?: string | null;
            /**
             * Format: uint64
             * @description Bytes that were announced.
             */
            size: number;
        };
        UploadPath: {
            /**
             * Format: int64
             * @description Id of the upload.
             */
            id: number;
        };
        /** @description The query of an upload. */
        UploadQuery: {
            /** @description The file's name as devices see it: 1 to 255 bytes in any script, without `/ \ < > "` and control characters. */
            name: string;
            /** @description A signature to hand to devices with it, up to 8 KiB of text. */
            signature?: string | null;
            /** @description A list in the form of `sha256sum` that names the file: its digest is checked. */
            sums?: string | null;
        };
        /** @description A user. */
        User: {
            /**
             * Format: date-time
             * @description When they were added.
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description Since when they may not sign in.
             */
            disabledAt?: string | null;
            /** @description Unique in the tenant. */
            name: string;
            /** @description What they may do. */
            role: components["schemas"]["Role"];
        };
        UserPath: {
            /** @description Name of the user. */
            name: string;
        };
        /** @description A measured value. */
        Value: boolean | number | string;
        /** @description The truth about a job on one device; gates and counts use it. */
        Verdict: "pending" | "verified" | "rolledBack" | "unverifiable" | "expired" | "refuted";
        /** @description What checking the chain found (`GET /audit/verify`). */
        Verification: {
            /** @description Whether every record and every seal is as it was written. */
            intact: boolean;
            /** @description What is wrong, where something is. */
            problem?: string | null;
            /**
             * Format: uint64
             * @description How many records were checked.
             */
            records: number;
            /**
             * Format: uint64
             * @description How many seals were checked.
             */
            seals: number;
            /**
             * Format: uint64
             * @description How many records wait for their seal.
             */
            unsealed: number;
        };
        VersionPath: {
            /** @description Its name. */
            name: string;
            /** @description Its version. */
            version: string;
        };
        /** @description Where the running version of a component shows. `{component}` stands for its name. */
        VersionSource: {
            reported: string;
        } | {
            inventory: string;
        } | "nowhere";
        /** @description One wave of a job. */
        Wave: {
            /** @description How its devices stand. */
            counts: components["schemas"]["Counts"];
            /** @description For people; may be empty. */
            name: string;
            /**
             * Format: uint32
             * @description 1 for the first.
             */
            number: number;
            /**
             * Format: uint32
             * @description How many waves are told as this one: more than 1 only of a continuous job, whose earlier waves that are long
             *      settled are told together.
             */
            waves: number;
        };
        /** @description How many devices of the job belong to one wave. Exactly one member. */
        WaveSize: {
            /** Format: uint64 */
            count: number;
        } | {
            /** Format: uint8 */
            percent: number;
        } | "rest";
        /** @description What is particular to one wave. */
        WaveTerms: {
            /** @description When failures in it stop the job; the job's if absent. */
            failureThreshold?: components["schemas"]["FailureThreshold"] | null;
            /**
             * @description For people.
             * @default
             */
            name?: string;
            /**
             * @description Whether the job pauses once it is through.
             * @default false
             */
            pauseAfter?: boolean;
            /** @description Only targets that match this query; its size then is of those. */
            query?: string | null;
            /**
             * Format: uint8
             * @description It has succeeded once this share of its devices did; the job's if absent.
             */
            successPercent?: number | null;
        };
        /** @description What rolling a job back would come to (`GET /jobs/{id}/rollback`). */
        WayBack: {
            /** @description The job that would be made; absent where there is nothing to go back to, or nothing was found yet (`lookedAt`). */
            job?: components["schemas"]["WayBackJob"] | null;
            /**
             * Format: uint64
             * @description How many executions were looked at, the first ones of a very large job; absent where those were all. `job` is what
             *      was found among them; rolling back looks at every one.
             */
            lookedAt?: number | null;
            /** @description Why there is none. */
            why?: string | null;
        };
        /** @description A job that would bring devices back. */
        WayBackJob: {
            /**
             * Format: uint64
             * @description On how many devices.
             */
            devices: number;
            /** @description What would be installed. */
            release: components["schemas"]["NameVersion"];
            /** @description Which they are, in words. */
            targets: string;
        };
        /** @description What a device does before it goes. */
        Wipe: {
            /** @description What goes with it. */
            arguments?: {
                [key: string]: unknown;
            };
            /** @description The command, as the device's software knows it. */
            command: string;
            /**
             * Format: uint64
             * @description How long its answer is awaited, 60 to 7776000 (90 days); a day when absent.
             */
            waitSeconds?: number | null;
        };
        /** @description The header of a zchunk file. */
        ZchunkHeader: {
            /**
             * Format: uint64
             * @description How many chunks it has.
             */
            chunks: number;
            /**
             * Format: uint64
             * @description Bytes of the header.
             */
            headerSize: number;
            /**
             * Format: uint64
             * @description Bytes of what it unpacks to.
             */
            unpackedSize: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listAlerts: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Only about this device. */
                device?: string | null;
                /** @description Only of this kind. */
                kind?: components["schemas"]["AlertKind"] | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
                /** @description Only open, or only closed ones. */
                state?: components["schemas"]["AlertState"] | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfAlert"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getAlert: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the alert. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Something that is wrong, or was. It closes by itself when its condition ends. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Alert"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    acknowledgeAlert: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the alert. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Something that is wrong, or was. It closes by itself when its condition ends. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Alert"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    closeAlert: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the alert. */
                id: number;
            };
            cookie?: never;
        };
        /** @description Why an alert is closed by hand (`POST /alerts/{id}/close`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Closing"];
            };
        };
        responses: {
            /** @description Something that is wrong, or was. It closes by itself when its condition ends. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Alert"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listArtifacts: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfArtifact"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    uploadArtifact: {
        parameters: {
            query: {
                /** @description The file's name as devices see it: 1 to 255 bytes in any script, without `/ \ < > "` and control characters. */
                name: string;
                /** @description A signature to hand to devices with it, up to 8 KiB of text. */
                signature?: string | null;
                /** @description A list in the form of `sha256sum` that names the file: its digest is checked. */
                sums?: string | null;
            };
            header?: {
                /** @description Refuse with 400 unless the bytes have this SHA-256 (64 hex characters). */
                "x-content-sha256"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": unknown;
            };
        };
        responses: {
            /** @description An artifact. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Artifact"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getArtifact: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the artifact. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An artifact. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Artifact"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteArtifact: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the artifact. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    downloadArtifact: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the artifact. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The content */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getArtifactLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the artifact. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A lasting link to an artifact: whoever has it may download, without any other credential, until it is taken away. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ArtifactLink"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putArtifactLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the artifact. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A lasting link to an artifact: whoever has it may download, without any other credential, until it is taken away. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ArtifactLink"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteArtifactLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the artifact. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAudit: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfAuditRecord"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    exportAudit: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The content */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getAuditKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The key that seals are signed with (`GET /audit/key`). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditKey"];
                };
            };
        };
    };
    verifyAudit: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What checking the chain found (`GET /audit/verify`). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Verification"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAutoAssignments: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
                /** @description Only those that are so far. */
                state?: components["schemas"]["AutoAssignmentState"] | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfAutoAssignment"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    approveAutoAssignment: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Number of the auto assignment. */
                id: number;
            };
            cookie?: never;
        };
        /** @description A word on a decision (`POST /jobs/{id}/approve`, `POST /jobs/{id}/deny`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Remark"];
            };
        };
        responses: {
            /** @description A saved query that assigns a release to whatever it finds, made with hawkBit's Management API. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AutoAssignment"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    denyAutoAssignment: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Number of the auto assignment. */
                id: number;
            };
            cookie?: never;
        };
        /** @description A word on a decision (`POST /jobs/{id}/approve`, `POST /jobs/{id}/deny`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Remark"];
            };
        };
        responses: {
            /** @description A saved query that assigns a release to whatever it finds, made with hawkBit's Management API. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AutoAssignment"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listBackups: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All backups (`GET /backups`), newest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backups"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createBackup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A backup. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backup"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteBackup: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The file's name. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getCa: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The content */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listClaims: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfClaim"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createClaim: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description A claim to make (`POST /claims`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewClaim"];
            };
        };
        responses: {
            /** @description A new claim with what a device needs to use it. The key is shown this once and kept nowhere. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedClaim"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeClaim: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the claim. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A claim. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Claim"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCommandTemplates: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfCommandTemplate"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getCommandTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the command template. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A command template. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandTemplate"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putCommandTemplate: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the command template. */
                name: string;
            };
            cookie?: never;
        };
        /** @description What a command template says (`PUT /command-templates/{name}`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["CommandTemplateSpec"];
            };
        };
        responses: {
            /** @description A command template. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandTemplate"];
                };
            };
            /** @description A command template. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandTemplate"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteCommandTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the command template. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listComponents: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfComponent"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createComponent: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description A component to make (`POST /components`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewComponent"];
            };
        };
        responses: {
            /** @description A component: one version of one piece of software. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Component"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getComponent: {
        parameters: {
            query?: {
                /** @description Its type; needed where there are several of that name and version. */
                type?: string | null;
            };
            header?: never;
            path: {
                /** @description Its name. */
                name: string;
                /** @description Its version. */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A component: one version of one piece of software. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Component"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteComponent: {
        parameters: {
            query?: {
                /** @description Its type; needed where there are several of that name and version. */
                type?: string | null;
            };
            header?: never;
            path: {
                /** @description Its name. */
                name: string;
                /** @description Its version. */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeCredential: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the credential. */
                id: number;
            };
            cookie?: never;
        };
        /** @description Why a credential is withdrawn (`POST /credentials/{id}/revoke`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Revocation"];
            };
        };
        responses: {
            /** @description A certificate of a device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Credential"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDevices: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before, with the same `q` and `sort`. */
                cursor?: string | null;
                /** @description Fields to count values of, joined by commas: `type,lifecycle,tag`. */
                facets?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
                /** @description Which items, in the query language: `type==pump;tag==outdoor,attribute.site==berlin*`. */
                q?: string | null;
                /** @description A field, with `-` before it for descending: `name`, `-lastContactAt`. */
                sort?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfDevice"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createDevice: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description A device to make (`POST /devices`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewDevice"];
            };
        };
        responses: {
            /** @description A managed device. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    exportDevices: {
        parameters: {
            query?: {
                /** @description In the query language; all when absent. */
                q?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The content */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    importDevices: {
        parameters: {
            query?: {
                /** @description Only say what would happen. */
                dryRun?: boolean;
                /** @description `abort` when absent. */
                onError?: components["schemas"]["OnError"] | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "text/csv": unknown;
                "application/json": unknown;
            };
        };
        responses: {
            /** @description What an import did, or would do. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportReport"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tagDevices: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Tags for every device that matches (`POST /devices/tags`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["BulkTags"];
            };
        };
        responses: {
            /** @description What a bulk action did. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BulkResult"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDevice: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A managed device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putDevice: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        /** @description What an operator says about a device (`PUT /devices/{name}` replaces it as a whole). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeviceSpec"];
            };
        };
        responses: {
            /** @description A managed device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description A managed device. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteDevice: {
        parameters: {
            query?: {
                /** @description Removes what is left of a decommissioned device, so that its name may be given to another one. */
                reuseName?: boolean;
            };
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    patchDevice: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        /** @description A change of a device (`PATCH /devices/{name}`): absent members stay, `null` clears. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["DevicePatch"];
            };
        };
        responses: {
            /** @description A managed device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putAlias: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id as the device writes it. */
                externalId: string;
                /** @description Name of the device. */
                name: string;
                /** @description Which protocol's id. */
                protocol: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A managed device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteAlias: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id as the device writes it. */
                externalId: string;
                /** @description Name of the device. */
                name: string;
                /** @description Which protocol's id. */
                protocol: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A managed device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDeviceCommands: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfCommandResult"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sendCommand: {
        parameters: {
            query?: {
                /** @description How long to wait for the end of it: `0s` to `60s`; no wait when absent. */
                wait?: string | null;
            };
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        /** @description A command to send: exactly one of `command` and `template`. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewCommand"];
            };
        };
        responses: {
            /** @description A command on one device, and what the device answered. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandResult"];
                };
            };
            /** @description A command on one device, and what the device answered. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandResult"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCredentials: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfCredential"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    signCredential: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        /** @description A request to sign (`POST /devices/{name}/credentials`). The key stays with the device. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewCredential"];
            };
        };
        responses: {
            /** @description A signed certificate. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignedCredential"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    generateCredential: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A key and a certificate made by the server (`POST /devices/{name}/credentials/generate`). Shown this once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GeneratedCredential"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    previewDecommission: {
        parameters: {
            query?: {
                /** @description `keep` when absent. */
                data?: components["schemas"]["DataFate"] | null;
                /** @description Whether the device is to wipe itself first. */
                wipe?: boolean;
            };
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What decommissioning would do. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DecommissionPreview"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    decommissionDevice: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        /** @description How a device goes out of service (`POST /devices/{name}/decommission`). Without a body: at once, keeping its data. */
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Decommission"];
            };
        };
        responses: {
            /** @description A managed device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDeviceEvents: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfEvent"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDeviceExecutions: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfExecution"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The metrics of a device (`GET /devices/{name}/metrics`). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Metrics"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDeviceRefusals: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfRefusal"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceDevice: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        /** @description New hardware for a device (`POST /devices/{name}/replace`): give `csr` or `generateKey`. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Replace"];
            };
        };
        responses: {
            /** @description What replacing the hardware gave. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Replaced"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    openReprovision: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        /** @description A window in which one enrolment may replace a credential (`POST /devices/{name}/reprovision`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Reprovision"];
            };
        };
        responses: {
            /** @description A managed device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    closeReprovision: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A managed device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumeDevice: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A managed device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getShadow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A shadow of a device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Shadow"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteShadow: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    updateShadow: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        /** @description A change of the desired section (`PATCH`): a merge, `null` removes a member. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["DesiredPatch"];
            };
        };
        responses: {
            /** @description A shadow of a device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Shadow"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listShadows: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfShadowInfo"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getNamedShadow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
                /** @description Name of the shadow. */
                shadow: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A shadow of a device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Shadow"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteNamedShadow: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the device. */
                name: string;
                /** @description Name of the shadow. */
                shadow: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    updateNamedShadow: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the device. */
                name: string;
                /** @description Name of the shadow. */
                shadow: string;
            };
            cookie?: never;
        };
        /** @description A change of the desired section (`PATCH`): a merge, `null` removes a member. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["DesiredPatch"];
            };
        };
        responses: {
            /** @description A shadow of a device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Shadow"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    suspendDevice: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A managed device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getLastValues: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The last values of a device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LastValues"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSeries: {
        parameters: {
            query?: {
                /** @description First moment; 24 hours before `to` when absent. */
                from?: string | null;
                /** @description Seconds per step. Absent or 0: every point as it was measured. */
                step?: number | null;
                /** @description Moment after the last; now when absent. */
                to?: string | null;
            };
            header?: never;
            path: {
                /** @description Name of the metric. */
                metric: string;
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A range of one metric: points, or steps where a step was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Series"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDeviceToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The token that a device shows to hawkBit's interface. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceToken"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putDeviceToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        /** @description A token for a device (`PUT /devices/{name}/token`). The one before is good no longer. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewDeviceToken"];
            };
        };
        responses: {
            /** @description The token that a device shows to hawkBit's interface. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceToken"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteDeviceToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listUnmappedTopics: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Topics of one device that nothing maps, latest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UnmappedTopics"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDeviceUpdates: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfDeviceUpdate"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listEvents: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfEvent"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getExecution: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the execution. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A job's life on one device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancelExecution: {
        parameters: {
            query?: {
                /** @description End it without asking the device: `true` or `false`; `false` when absent. */
                force?: boolean;
            };
            header?: never;
            path: {
                /** @description Id of the execution. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A job's life on one device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    confirmExecution: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the execution. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A job's life on one device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listGroups: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfGroup"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createGroup: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description A group to make (`POST /groups`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewGroup"];
            };
        };
        responses: {
            /** @description A static group. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Group"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getGroup: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Path of the group, with `/` written as `%2F`. */
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A static group. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Group"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putGroup: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Path of the group, with `/` written as `%2F`. */
                path: string;
            };
            cookie?: never;
        };
        /** @description What can be changed of a group (`PUT /groups/{path}`, which also creates). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["GroupSpec"];
            };
        };
        responses: {
            /** @description A static group. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Group"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteGroup: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Path of the group, with `/` written as `%2F`. */
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeMembers: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Path of the group, with `/` written as `%2F`. */
                path: string;
            };
            cookie?: never;
        };
        /** @description Devices to add to or remove from a group (`POST /groups/{path}/members`): by name, by query, or both. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Membership"];
            };
        };
        responses: {
            /** @description What a bulk action did. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BulkResult"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listJobs: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Only those of this kind. */
                kind?: components["schemas"]["JobKind"] | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
                /**
                 * @description Only those that have this text in their description, targets, maker, command or release, whatever the case of
                 *      its letters.
                 */
                q?: string | null;
                /** @description Only those in this state. */
                state?: components["schemas"]["JobState"] | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfJob"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description A job to make (`POST /jobs`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewJob"];
            };
        };
        responses: {
            /** @description A job. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    previewJob: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description A job to make (`POST /jobs`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewJob"];
            };
        };
        responses: {
            /** @description What would happen if a job were made (`POST /jobs/preview`). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobPreview"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    previewJobDevices: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before, with the same job, `outcome` and `reason`. */
                cursor?: string | null;
                /**
                 * @description Most items in the answer, 1 to 1000; 100 when absent. There may be fewer, and more to come: one call looks at so many
                 *      devices.
                 */
                limit?: number | null;
                /** @description Only those on which it would count so. */
                outcome?: components["schemas"]["Outcome"] | null;
                /** @description Only those for which this is why: the `reason` of a cluster, word by word. */
                reason?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description A job to make (`POST /jobs`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewJob"];
            };
        };
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfPreviewDevice"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A job. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    advanceJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A job. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    approveJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        /** @description A word on a decision (`POST /jobs/{id}/approve`, `POST /jobs/{id}/deny`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Remark"];
            };
        };
        responses: {
            /** @description A job. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancelJob: {
        parameters: {
            query?: {
                /** @description Withdraw it from everybody without asking, whatever `inProgressToo` says: `true` or `false`; `false` when absent. */
                force?: boolean;
                /**
                 * @description End it also where devices work on it: `true` or `false`; `false` when absent. Those that came over hawkBit's interface
                 *      are asked to stop, and the job is `stopping` until they answer or their time is over; from others it is withdrawn.
                 */
                inProgressToo?: boolean;
            };
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A job. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    denyJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        /** @description A word on a decision (`POST /jobs/{id}/approve`, `POST /jobs/{id}/deny`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Remark"];
            };
        };
        responses: {
            /** @description A job. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    explainJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the job. */
                id: number;
                /** @description Name of the device. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Why a device stands where it stands with a job. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceUpdate"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getJobDownloads: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What went out for a job (`GET /jobs/{id}/downloads`), as of the last few seconds. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobDownloads"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listJobExecutions: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Only those on the device of this name. */
                device?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
                /** @description Only those that count so. */
                outcome?: components["schemas"]["Outcome"] | null;
                /** @description Only those in this state. */
                state?: components["schemas"]["ExecutionState"] | null;
                /** @description Only those with this verdict. */
                verdict?: components["schemas"]["Verdict"] | null;
            };
            header?: never;
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfExecution"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listJobFailures: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfFailureCluster"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pauseJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A job. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumeJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A job. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    retryJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What a retry did (`POST /jobs/{id}/retry`). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RetryResult"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getWayBack: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What rolling a job back would come to (`GET /jobs/{id}/rollback`). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WayBack"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rollBackJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A job. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    startJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Id of the job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A job. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    watch: {
        parameters: {
            query?: {
                /** @description Only changes of this device, and its telemetry as it comes. */
                device?: string | null;
                /** @description Kinds to tell of, joined by commas; all of them when absent. Kinds that one may not see are left out. */
                kinds?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The content */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Who one is (`GET /me`). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listNotifications: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfChannel"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getNotification: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the channel. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A way by which people are told of alerts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Channel"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putNotification: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the channel. */
                name: string;
            };
            cookie?: never;
        };
        /** @description What a channel is to be (`PUT /notifications/{name}`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChannelSpec"];
            };
        };
        responses: {
            /** @description A way by which people are told of alerts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Channel"];
                };
            };
            /** @description A way by which people are told of alerts. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Channel"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteNotification: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the channel. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listNotificationDeliveries: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path: {
                /** @description Name of the channel. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfDelivery"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    testNotification: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the channel. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How a try-out went (`POST /notifications/{name}/test`). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tested"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getOpenApi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The content */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listPending: {
        parameters: {
            query?: {
                /** @description From an earlier page. */
                cursor?: string | null;
                /** @description Most items, 1 to 1000; 100 when absent. */
                limit?: number | null;
                /** @description `open` when absent. */
                state?: components["schemas"]["PendingState"] | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfPending"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    acceptPending: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the pending enrolment. */
                id: number;
            };
            cookie?: never;
        };
        /** @description An acceptance (`POST /pending/{id}/accept`). */
        requestBody?: {
            content: {
                "application/json": components["schemas"]["AcceptPending"];
            };
        };
        responses: {
            /** @description An enrolment that waits for an operator, or was decided by one. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pending"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rejectPending: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the pending enrolment. */
                id: number;
            };
            cookie?: never;
        };
        /** @description A rejection (`POST /pending/{id}/reject`). */
        requestBody?: {
            content: {
                "application/json": components["schemas"]["RejectPending"];
            };
        };
        responses: {
            /** @description An enrolment that waits for an operator, or was decided by one. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pending"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRefusals: {
        parameters: {
            query?: {
                /** @description How the address begins: `10.1.` */
                address?: string | null;
                /** @description A part of what the peer says of itself, in whatever case. */
                claimed?: string | null;
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Name of a device. */
                device?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
                /** @description A part of anything that is shown, in whatever case. */
                q?: string | null;
                /** @description How far the peer had come. */
                stage?: components["schemas"]["RefusalStage"] | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfRefusal"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listReleases: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfRelease"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createRelease: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description A release to make (`POST /releases`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewRelease"];
            };
        };
        responses: {
            /** @description A release: a set of components for some device types. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Release"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getRelease: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its name. */
                name: string;
                /** @description Its version. */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A release: a set of components for some device types. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Release"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteRelease: {
        parameters: {
            query?: {
                /** @description Also those of its components that no other release has. */
                componentsToo?: boolean;
            };
            header?: never;
            path: {
                /** @description Its name. */
                name: string;
                /** @description Its version. */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getServer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the server is and carries. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ServerInfo"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listChecks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All checks (`GET /server/checks`). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Checks"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    signIn: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Who signs in (`POST /session`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewSession"];
            };
        };
        responses: {
            /** @description Who one is (`GET /me`). */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    signOut: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    signInByLink: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description A link that signs in (`POST /session/link`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["SessionLink"];
            };
        };
        responses: {
            /** @description Who one is (`GET /me`). */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSessions: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfSession"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    endSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the session. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getArtifactTerms: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What a tenant wants of all its artifacts, and where it stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ArtifactTerms"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putArtifactTerms: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description What a tenant wants of all its artifacts. What is absent is not wanted. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewArtifactTerms"];
            };
        };
        responses: {
            /** @description What a tenant wants of all its artifacts, and where it stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ArtifactTerms"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getHawkbitSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The settings of the tenant for hawkBit's clients. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HawkbitSettings"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putHawkbitSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description A change of settings (`PUT /settings/hawkbit`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["HawkbitSettingsChange"];
            };
        };
        responses: {
            /** @description The settings of the tenant for hawkBit's clients. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HawkbitSettings"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSetup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Whether somebody has to set the server up (`GET /setup`). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SetupState"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setUp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description The first administrator (`POST /setup`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Setup"];
            };
        };
        responses: {
            /** @description Who one is (`GET /me`). */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSimulation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Simulated devices of this server. They are real to it: registered, certified, connected to the device port. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Simulation"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    startSimulation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description How many simulated devices there should be (`POST /simulation`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["StartSimulation"];
            };
        };
        responses: {
            /** @description Simulated devices of this server. They are real to it: registered, certified, connected to the device port. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Simulation"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    stopSimulation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTemplates: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfTemplate"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the template. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A provisioning template. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Template"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putTemplate: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the template. */
                name: string;
            };
            cookie?: never;
        };
        /** @description What a template says (`PUT /templates/{name}`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["TemplateSpec"];
            };
        };
        responses: {
            /** @description A provisioning template. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Template"];
                };
            };
            /** @description A provisioning template. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Template"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the template. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTokens: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfToken"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createToken: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description A token to make (`POST /tokens`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewToken"];
            };
        };
        responses: {
            /** @description A new token. The secret is shown this once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedToken"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the token. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An API token, without its secret. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Token"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTypes: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfDeviceType"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createType: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description A type to make (`POST /types`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewType"];
            };
        };
        responses: {
            /** @description A device type. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceType"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getType: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the device type. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A device type. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceType"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putType: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the device type. */
                name: string;
            };
            cookie?: never;
        };
        /** @description What is known of every device of one model (`PUT /types/{name}`). Absent members take their defaults. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["TypeSpec"];
            };
        };
        responses: {
            /** @description A device type. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceType"];
                };
            };
            /** @description A device type. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceType"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteType: {
        parameters: {
            query?: never;
            header?: {
                /** @description Refuse with 412 unless this is the present version (the ETag of an earlier answer). */
                "If-Match"?: string;
            };
            path: {
                /** @description Name of the device type. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listUploads: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfUpload"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createUpload: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description An upload to announce (`POST /uploads`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewUpload"];
            };
        };
        responses: {
            /** @description An upload in parts. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getUpload: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the upload. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An upload in parts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteUpload: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the upload. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    continueUpload: {
        parameters: {
            query?: never;
            header?: {
                /** @description The byte that the body begins at: where the upload stands, or it is refused with 409. */
                "upload-offset"?: string;
            };
            path: {
                /** @description Id of the upload. */
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/offset+octet-stream": unknown;
            };
        };
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listUsers: {
        parameters: {
            query?: {
                /** @description Where to go on: the `cursor` of the page before. */
                cursor?: string | null;
                /** @description Most items in the answer, 1 to 1000; 100 when absent. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageOfUser"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createUser: {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of up to 128 characters that names this request. Sent again within a day with the same body, it gets the first answer and makes nothing; with another body, 422. It gets 409 `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. What shows a secret once is answered 409 `idempotency.shown_once`. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description A user to make (`POST /users`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewUser"];
            };
        };
        responses: {
            /** @description A user. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    disableUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the user. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    enableUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the user. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setPassword: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the user. */
                name: string;
            };
            cookie?: never;
        };
        /** @description A new password (`PUT /users/{name}/password`). */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewPassword"];
            };
        };
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Why the request was refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
