package peer;

import org.eclipse.hawkbit.autoconfigure.security.EnableHawkbitManagedSecurityConfiguration;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** hawkBit with its device and management interfaces, as its own update server puts them together. */
@SpringBootApplication
@EnableHawkbitManagedSecurityConfiguration
public class Start {
    public static void main(String[] arguments) {
        SpringApplication.run(Start.class, arguments);
    }
}
